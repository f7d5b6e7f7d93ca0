// swap/saved_tags.h - the memory tags of pages that are on a swap device.
//
// Mirrors: arch/arm64/mm/mteswap.c of Linux 6.18: tags are no part of what a device
// stores; they stay in memory, by slot, from the moment the folio is written until the
// slot is free. Differs: what they are kept in is a frame at a time, given back
// when its last part is free.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>

#include "base/report.h"
#include "phys/memory.h"
#include "quire/types.h"

namespace quire::swap {

// Saves tags page by page and gives them back. Only on machines that have tags.
//
// States      : of a slot: nothing saved -> saved (again: replaced) -> forgotten
// Owns        : the frames of the machine's RAM that it keeps tags in, 32 pages' to a frame
// Refers to   : the machine's memory
// Locks       : swap lock
// Invariants  : I-MTE-2 tags are saved only for slots that are in use
//               I-MTE-3 as many parts of its frames are in use as pages have tags saved; no
//                       frame is empty
class SavedTags {
 public:
  explicit SavedTags(phys::PhysMemory& memory) : memory_(memory) {}
  ~SavedTags();
  SavedTags(const SavedTags&) = delete;
  SavedTags& operator=(const SavedTags&) = delete;

  // Saves the tags of all tagged pages of a folio (arch_prepare_to_swap). False: there is
  // no memory for them, and nothing is saved for any of its pages.
  [[nodiscard]] bool save(SwapEntry first, Pfn head, PageCount n);
  // Each page that has no tags gets those saved for its slot, if there are any
  // (arch_swap_restore). They stay saved.
  void restore(SwapEntry first, Pfn head, PageCount n) const;
  // The slots are free (arch_swap_invalidate_page).
  void forget(SwapEntry first, PageCount n);

  [[nodiscard]] bool saved(SwapEntry entry) const { return of_slot_.contains(key(entry)); }
  // Pages whose tags are saved.
  [[nodiscard]] PageCount pages() const { return PageCount(of_slot_.size()); }
  // Frames of RAM they take.
  [[nodiscard]] PageCount frames() const { return PageCount(used_.size()); }

  // Test hook: asked as the tags of a page are saved. True: they are lost, as by a mistake of ours.
  void set_loss(std::function<bool(SwapEntry)> loses) { loses_ = std::move(loses); }

  // `in_use` says whether a slot is.
  void check_invariants(const std::function<bool(SwapEntry)>& in_use, base::InvariantReport& out) const;

 private:
  // A part of a frame, as long as the tags of one page.
  struct Part {
    Pfn frame;
    unsigned number;
  };
  [[nodiscard]] static std::uint64_t key(SwapEntry e) { return (std::uint64_t{e.device()} << 56) | e.slot(); }
  [[nodiscard]] bool save_page(SwapEntry entry, Pfn page);
  [[nodiscard]] std::optional<Part> take_part();
  void give_back(Part part);
  [[nodiscard]] std::byte* bytes(Part part) const;

  phys::PhysMemory& memory_;
  absl::flat_hash_map<std::uint64_t, Part> of_slot_;
  absl::flat_hash_map<Pfn, std::uint32_t> used_;  // of each frame the parts in use, one bit each
  std::set<Pfn> with_room_;
  std::function<bool(SwapEntry)> loses_;
};

}  // namespace quire::swap
