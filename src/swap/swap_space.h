// swap/swap_space.h - all swap devices of a machine: slots, who refers to them,
// which folios are still or again in memory for them.
//
// Mirrors: mm/swapfile.c, mm/swap_state.c, mm/page_io.c of Linux 6.18: clusters
// of 512 slots, a fast cluster for each order, lists of free, not full and
// fragmented clusters, the swap cache, the map of zero-filled pages.
// Differs: one cpu; requests are done when they return.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/report.h"
#include "phys/memory.h"
#include "quire/result.h"
#include "quire/types.h"
#include "stats/counters.h"
#include "swap/backend.h"

namespace quire::swap {

// How entries and slots belong together.
enum class SlotPolicy : std::uint8_t {
  kContiguous,   // Linux 6.18: a folio of n pages needs n slots in a row, aligned
  kIndirection,  // entries are always in a row; behind each lies any slot
};

struct SwaponOptions {
  std::optional<std::int16_t> priority;  // none: one less than the lowest so far, as swapon(2)
  SlotPolicy slots = SlotPolicy::kContiguous;
};

// What a device was asked to do, in requests: a folio whose slots are in a row takes one.
struct IoRequests {
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;
};

// How the slots of one device are used now.
struct SlotReport {
  std::int16_t priority = 0;
  PageCount pages;  // that can be used
  PageCount used;
  IoRequests requests;
  std::size_t bytes = 0;  // of memory for all that is known of the slots
  // Clusters of 512 slots by number, first to last, of each list; `nonfull` and `frag`
  // for each order.
  std::vector<std::uint32_t> free, full, discard;
  std::array<std::vector<std::uint32_t>, kPmdOrder + 1> nonfull, frag;
  // Aligned runs of free slots, for each order: how many folios of it have room in
  // clusters that are free or of their order already.
  std::array<std::uint64_t, kPmdOrder + 1> room{};
};

// A folio that is in memory, for SwapSpace::expect_writes.
struct FolioToWrite {
  Pfn head;
  Order order;
};

// SwapSpace gives folios slots, counts who refers to them, and moves bytes.
//
// States      : of a slot: free -> cached (given to a folio in memory) -> in use by entries,
//               with or without a cached folio -> free
// Owns        : the devices, the counts, the swap cache (one reference of a folio for each of its
//               pages, which the caller takes and gives back: see add/remove)
// Refers to   : the machine's memory and counters
// Locks       : swap lock (one thread drives a machine today)
// Invariants  : I-SWAP-1 a slot is free exactly when nothing refers to it and no folio is cached for it
//               I-SWAP-2 every cached folio's slots are consecutive and aligned to its size
//               I-SWAP-3 the lists of clusters hold each cluster once, in the list its use says
//               I-SWAP-4 used() = slots that are not free
//               I-MTE-2 memory tags are saved only for slots that are not free
//               I-SWAP-9 the devices that are asked for slots are those in use that are not full
class SwapSpace {
 public:
  SwapSpace(phys::PhysMemory& memory, stats::Counters& counters);
  ~SwapSpace();
  SwapSpace(const SwapSpace&) = delete;
  SwapSpace& operator=(const SwapSpace&) = delete;

  // --- Devices ---
  static constexpr std::size_t kMostDevices = 29;  // MAX_SWAPFILES on x86-64
  // Puts a device into use; returns its number. kInval: no slot behind the
  // header; kPerm: as many devices as there can be (29).
  [[nodiscard]] Result<std::uint8_t, Errno> swapon(std::unique_ptr<Backend> device,
                                                   const SwaponOptions& options = {});
  // Takes a device that nothing uses any more out of use. kBusy: it is used.
  // No slots are handed out of it from the moment stop_allocating was called.
  [[nodiscard]] Result<void, Errno> swapoff(std::uint8_t device);
  void stop_allocating(std::uint8_t device);
  // Slots are handed out of it again: the device could not be emptied.
  void resume_allocating(std::uint8_t device);
  [[nodiscard]] bool any() const;
  [[nodiscard]] Backend& backend(std::uint8_t device) const;
  [[nodiscard]] Traits traits(std::uint8_t device) const;
  [[nodiscard]] PageCount total() const;
  [[nodiscard]] PageCount used() const;
  // Frames of the machine's RAM that devices keep pages in, and saved memory tags.
  [[nodiscard]] PageCount frames_used() const;

  // The shrinker of the devices' pools (zs_shrinker_count, zs_shrinker_scan): frames that moving objects
  // together would give back, and doing so in all of them. Returns how many came; none: nothing is left
  // to win.
  [[nodiscard]] PageCount compactable() const;
  PageCount compact();

  // Whether some zswap stood before a device since the machine was made: swap-in
  // then takes single pages (zswap_never_enabled).
  void note_zswap() { zswap_ever_enabled_ = true; }
  [[nodiscard]] bool zswap_ever_enabled() const { return zswap_ever_enabled_; }

  // --- Slots and the swap cache ---
  // Gives an anonymous folio of this order slots of its own, in a row and
  // aligned, and puts it into the swap cache (folio_alloc_swap). Nothing: no
  // device has room for it. The caller holds the folio's references: one for
  // each page belongs to the cache from now on.
  [[nodiscard]] std::optional<SwapEntry> add_to_swap(Pfn head, Order order);
  // The folio is (again) in memory for these slots, which are in use and were read into it
  // (swap_cache_add_folio on the way in). What zswap kept of them goes, and then it is dirty.
  void add_to_cache(Pfn head, Order order, SwapEntry first);
  // Takes the folio out of the cache (swap_cache_del_folio, put_swap_folio):
  // slots nothing refers to are free afterwards.
  void remove_from_cache(Pfn head);
  // The frame in memory for a slot, or Pfn::invalid().
  [[nodiscard]] Pfn cached(SwapEntry entry) const;
  // The first slot of a cached folio; nothing when it is not cached.
  [[nodiscard]] std::optional<SwapEntry> entry_of(Pfn head) const;
  // A cached folio became folios of these orders, in order of address.
  void split_cached(Pfn head, Order from, Order to);

  // --- Who refers to slots ---
  // One more reference to each of `n` slots (swap_duplicate).
  void dup(SwapEntry first, PageCount n = PageCount(1));
  // One fewer (swap_free_nr); the last frees a slot that is not cached.
  void put(SwapEntry first, PageCount n = PageCount(1));
  // References, the cache not counted (__swap_count).
  [[nodiscard]] std::uint32_t count(SwapEntry entry) const;
  // Whom slots are asked back from when swap is more than half full and only a cached
  // folio keeps them (__try_to_reclaim_swap). True: it took the folio out of the cache with
  // remove_from_cache and gave the references back; false: the folio cannot leave now.
  void set_cache_dropper(std::function<bool(Pfn head, Order order)> dropper);
  // Nothing refers to the slots of this cached folio any more: it leaves the
  // cache (folio_free_swap). False: something still does.
  bool free_swap(Pfn head);

  // --- Bytes ---
  // Writes a cached folio out (swap_writeout): a folio of zeroes is only
  // noted; else the device gets all of it. Counts swpout, pswpout, swpout_zero,
  // zswpout at this moment. Where pages have memory tags, these are saved before anything else,
  // also of zeroes; kNoMemory: they could not be, and none of the folio is.
  [[nodiscard]] Result<void, IoError> write(Pfn head);
  // Whether the device that is first in line makes use of being told what will be written.
  [[nodiscard]] bool compresses_ahead() const;
  // These folios are about to be written, in this order, and what they hold does not change before
  // settle(): that device may begin to compress them on other threads. What becomes of a folio does
  // not show whether it had. None: nothing is expected any more.
  void expect_writes(std::span<const FolioToWrite> folios);
  // Work on an expected folio begins: nobody else looks at its bytes any more.
  void settle(const FolioToWrite& folio);
  // Reads the slots from `first` on into the frames of the folio at `head`
  // (swap_read_folio). Counts swpin, pswpin, swpin_zero.
  [[nodiscard]] Result<void, IoError> read(SwapEntry first, Pfn head, Order order);
  // The pages of a folio that was read from these slots, or stayed in memory for them, get the
  // memory tags that were saved with them, before any entry shows them (arch_swap_restore).
  void restore_tags(SwapEntry first, Pfn head, Order order) const;
  // Pages whose memory tags are saved.
  [[nodiscard]] PageCount tags_saved() const;
  // Whether the slot is noted as zeroes.
  [[nodiscard]] bool is_zero(SwapEntry entry) const;
  // Whether `n` slots from `first` on are all noted as zeroes, or all not.
  [[nodiscard]] bool alike_in_zeroes(SwapEntry first, PageCount n) const;

  // --- For tests and the laboratory ---
  [[nodiscard]] SlotReport report(std::uint8_t device) const;
  // A line for each cluster that holds something: its list, how much is used, and a map of
  // 64 marks.
  [[nodiscard]] std::string picture(std::uint8_t device) const;
  // Whether zswap keeps the page of this slot.
  [[nodiscard]] bool kept_in_front(SwapEntry entry) const;
  // Overwrites what is kept compressed of this slot (Backend::damage).
  bool damage(SwapEntry entry);
  // Asked as the tags of a page are saved; true loses them. Only where there are tags.
  void set_tag_loss(std::function<bool(SwapEntry)> loses);

  void check_invariants(base::InvariantReport& out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  bool zswap_ever_enabled_ = false;
};

}  // namespace quire::swap
