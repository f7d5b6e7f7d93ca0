// swap/cluster.h - one cluster: as many slots in a row as a PMD entry maps pages,
// what is known of each slot, and where in the lists the cluster is.
//
// Mirrors: struct swap_cluster_info and its swap table, swap_map, zeromap of
// mm/swapfile.c, Linux 6.18. Differs: one table for all three; it exists only while
// the cluster holds something.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>

#include "quire/types.h"

namespace quire::swap {

inline constexpr std::uint32_t kClusterSlots = kPagesPerPmd;  // SWAPFILE_CLUSTER
inline constexpr unsigned kSwapOrders = kPmdOrder + 1;        // a folio never needs more than a cluster

// The lists a cluster can be in (the kernel's CLUSTER_FLAG_*).
enum class ClusterList : std::uint8_t {
  kNone,     // taken off its list by somebody who looks at it
  kFree,     // nothing in it
  kNonfull,  // something was freed in it since it was last looked at
  kFrag,     // was looked at last, and is neither full nor empty
  kFull,     // no slot left
  kDiscard,  // empty; the device is yet to be told
};

// What is known of the slots of a cluster that is not empty.
class SlotTable {
 public:
  // A count a slot never has: the header, and what lies behind the device's end.
  static constexpr std::uint8_t kBad = 0xff;
  // This many or more; the exact count is kept beside (SlotCounts).
  static constexpr std::uint8_t kMany = 0xfe;

  [[nodiscard]] std::uint8_t count(std::uint32_t at) const { return counts_[at]; }
  void set_count(std::uint32_t at, std::uint8_t count) { counts_[at] = count; }
  [[nodiscard]] bool has_cache(std::uint32_t at) const { return cached_[at]; }
  void set_cache(std::uint32_t at, bool cached) { cached_[at] = cached; }
  [[nodiscard]] bool zero(std::uint32_t at) const { return zero_[at]; }
  void set_zero(std::uint32_t at, bool zero) { zero_[at] = zero; }
  [[nodiscard]] bool free(std::uint32_t at) const { return counts_[at] == 0 && !cached_[at]; }
  // Only a cached folio keeps the slot from being free (SWAP_HAS_CACHE alone).
  [[nodiscard]] bool only_cache(std::uint32_t at) const { return counts_[at] == 0 && cached_[at]; }

  // The frame in memory for a slot. The frames take four bytes a slot, and exist
  // only while some slot of the cluster has one.
  [[nodiscard]] Pfn frame(std::uint32_t at) const { return frames_ ? (*frames_)[at] : Pfn::invalid(); }
  void set_frame(std::uint32_t at, Pfn frame);

  [[nodiscard]] std::size_t bytes() const { return sizeof(*this) + (frames_ ? sizeof(*frames_) : 0); }

 private:
  using Frames = std::array<Pfn, kClusterSlots>;

  std::array<std::uint8_t, kClusterSlots> counts_{};
  std::bitset<kClusterSlots> cached_;
  std::bitset<kClusterSlots> zero_;
  std::uint32_t frames_set_ = 0;
  std::unique_ptr<Frames> frames_;
};

// One cluster.
//
// States      : see ClusterList
// Owns        : its table
// Invariants  : I-SWAP-5 it has a table exactly when a slot of it is not free
struct Cluster {
  std::unique_ptr<SlotTable> table;
  std::uint32_t previous = 0;  // in its list; ClusterLists keeps them
  std::uint32_t next = 0;
  std::uint16_t used = 0;  // slots that are not free, the bad ones among them
  ClusterList list = ClusterList::kNone;
  Order order;  // of the folios it was begun for; free clusters have 0

  [[nodiscard]] bool empty() const { return used == 0; }
  [[nodiscard]] bool has_room(PageCount pages) const { return used + pages.raw() <= kClusterSlots; }
  // Whether somebody who remembers the cluster may go on with it. Of a free one
  // nothing is remembered: who wants it takes it from the list.
  [[nodiscard]] bool usable_for(Order wanted) const {
    if (list == ClusterList::kFull || list == ClusterList::kDiscard || !table) return false;
    return wanted == kOrder0 || empty() || wanted == order;
  }
};

}  // namespace quire::swap
