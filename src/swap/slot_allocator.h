// swap/slot_allocator.h - which slots of one device a folio gets.
//
// Mirrors: mm/swapfile.c of Linux 6.18: cluster_alloc_swap_entry,
// alloc_swap_scan_cluster, alloc_swap_scan_list, cluster_scan_range,
// cluster_reclaim_range, swap_reclaim_full_clusters, relocate_cluster, free_cluster,
// setup_clusters. Differs: one cpu; work that the kernel leaves to a worker is done
// when the call that began it ends.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/report.h"
#include "quire/types.h"
#include "swap/backend.h"
#include "swap/cluster_lists.h"

namespace quire::swap {

// Where the next folio of an order is looked for first: of a cpu (the kernel's
// percpu_swap_cluster), or of a rotating disk (global_cluster).
struct NextSlots {
  static constexpr std::uint8_t kNoDevice = 0xff;
  struct Place {
    std::uint8_t device = kNoDevice;
    std::uint64_t slot = 0;  // 0: no place
  };
  std::array<Place, kSwapOrders> of_order;
};

// What an allocator asks of the swap space it belongs to.
class SlotPort {
 public:
  // Less than half of all slots is free (vm_swap_full).
  [[nodiscard]] virtual bool swap_full() const = 0;
  // Wants the folio that is cached for this slot out of the cache, when nothing but
  // the cache refers to its slots (__try_to_reclaim_swap). How many pages it
  // has, negative when it stays; 0: no folio is cached.
  [[nodiscard]] virtual std::int64_t drop_cached(std::uint8_t device, std::uint64_t slot) = 0;
  // So many slots of the device were taken.
  virtual void slots_taken(std::uint8_t device, PageCount count) = 0;

 protected:
  ~SlotPort() = default;
};

// The slots of one device.
//
// States      : of a cluster: see ClusterList
// Owns        : the clusters
// Refers to   : the port, the shared places
// Invariants  : I-SWAP-3 (ClusterLists), I-SWAP-5 (Cluster)
//               I-SWAP-6 a cluster's use is what its table says, and its list fits it: free ones are empty,
//                        full ones have no slot left, the others are in between
class SlotAllocator {
 public:
  struct Config {
    std::uint8_t device = 0;
    PageCount slots;  // the header's included
    Traits traits;
  };
  SlotAllocator(const Config& config, SlotPort& port, NextSlots& of_cpu);

  // Slots for a folio, in a row, aligned, marked as cached: the way by the device's
  // lists (cluster_alloc_swap_entry). Nothing: none are to be had.
  [[nodiscard]] std::optional<std::uint64_t> allocate(Order order);
  // The same from the place that is remembered for the cpu (swap_alloc_fast).
  [[nodiscard]] std::optional<std::uint64_t> allocate_at(std::uint64_t slot, Order order);
  // Slots of one cluster that nothing refers to any more (swap_entries_free).
  void free(std::uint64_t first, PageCount count);

  // From now on nothing is handed out, or again (SWP_WRITEOK).
  void stop() { writable_ = false; }
  void resume() { writable_ = true; }
  // Looks for cached folios to drop in as many full clusters as are in use
  // (swap_reclaim_work).
  void reclaim_full_clusters();
  // Tells of one cluster that is to be discarded and frees it; nothing: there is none.
  [[nodiscard]] std::optional<std::uint64_t> discard_one();
  // One more cluster of free slots at the end, for entries that are no slots.
  void grow();

  // The table of a slot's cluster; null: nothing in the cluster is used.
  [[nodiscard]] SlotTable* table(std::uint64_t slot) { return clusters_[cluster_of(slot)].table.get(); }
  [[nodiscard]] const SlotTable* table(std::uint64_t slot) const {
    return clusters_[cluster_of(slot)].table.get();
  }
  [[nodiscard]] static std::uint32_t offset(std::uint64_t slot) {
    return static_cast<std::uint32_t>(slot % kClusterSlots);
  }
  [[nodiscard]] const ClusterLists& clusters() const { return clusters_; }
  // Slots, the header's included.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const;

  void check_invariants(base::InvariantReport& out) const;

 private:
  enum class HowFar : std::uint8_t { kFirst, kAll };  // clusters of a list that are looked at
  using Index = ClusterLists::Index;

  [[nodiscard]] static Index cluster_of(std::uint64_t slot) {
    return static_cast<Index>(slot / kClusterSlots);
  }
  [[nodiscard]] static std::uint64_t start_of(Index i) { return std::uint64_t{i} * kClusterSlots; }

  void set_up();
  void mark_bad(std::uint64_t slot);
  [[nodiscard]] std::optional<std::uint64_t> scan_cluster(Index i, std::uint64_t from, Order order);
  [[nodiscard]] std::optional<std::uint64_t> find_in_cluster(Index i, std::uint64_t from, Order order);
  [[nodiscard]] std::optional<std::uint64_t> scan_list(ClusterList list, Order of, Order wanted, HowFar far);
  enum class Range : std::uint8_t { kTaken, kFree, kCached };
  [[nodiscard]] Range look_at(Index i, std::uint64_t first, PageCount count) const;
  [[nodiscard]] bool reclaim_range(std::uint64_t first, PageCount count);
  void take(Index i, std::uint64_t first, Order order);
  void relocate(Index i);
  void release(Index i);
  [[nodiscard]] std::optional<std::uint64_t> steal();
  void reclaim_in_full(std::int64_t clusters);
  void reclaim_in_cluster(Index i);

  std::uint8_t device_;
  Traits traits_;
  std::uint64_t size_;
  SlotPort& port_;
  bool writable_ = true;
  std::uint64_t used_ = 0;  // bad slots not among them
  ClusterLists clusters_;
  NextSlots of_disk_;  // a rotating disk's own places
  NextSlots& next_;
};

}  // namespace quire::swap
