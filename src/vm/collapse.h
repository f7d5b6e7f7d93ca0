// vm/collapse.h - making one 2 MiB folio of what stands in 2 MiB of anonymous
// memory.
//
// Mirrors: hpage_collapse_scan_pmd, collapse_huge_page and madvise_collapse
// of mm/khugepaged.c, Linux 6.18. Differs: nothing comes between the look and
// the collapse, so that the tests are made again only after pages came in from swap.
#pragma once

#include "policy/settings.h"
#include "quire/result.h"
#include "vm/address_space.h"
#include "vm/scan_result.h"

namespace quire::vm {

// What may stand in a block that is collapsed. A policy is a value of this.
struct CollapseLimits {
  enum class Referenced : std::uint8_t { kNeeded, kNotNeeded };
  std::uint32_t max_ptes_none = 0;    // empty entries and zero pages
  std::uint32_t max_ptes_swap = 0;    // entries neither empty nor present
  std::uint32_t max_ptes_shared = 0;  // pages of folios that others may map
  Referenced referenced = Referenced::kNeeded;

  // As the daemon's files say.
  [[nodiscard]] static CollapseLimits of(const policy::KhugepagedSettings& settings);
  // None, for a program that asks itself.
  [[nodiscard]] static CollapseLimits forced();
};

// Whether blocks of the mapping may be collapsed at all, if its flags were
// `flags`: anonymous, with pages, room for an aligned block, and allowed.
[[nodiscard]] bool may_collapse(const AddressSpace& mm, const Vma& vma, VmFlags flags, policy::Caller caller);

// How one block fared. `attempted`: the look was followed by an attempt, for
// which the kernel lets go of the mmap lock.
struct Collapse {
  ScanResult result = ScanResult::kFail;
  bool attempted = false;
};

// Whether the `n` entries from `first` on are present or empty: while memory was sought
// some may have gone to swap.
[[nodiscard]] bool is_all_there(const Entry* first, std::uint32_t n);

// The pages behind the `n` entries from `first` on, each of them present or
// empty, are copied into the fresh frames from `to` on and let go: the entries
// are none afterwards, and what was not there counts as this program's memory.
void take_over_pages(AddressSpace& mm, const Vma& vma, Entry* first, std::uint32_t n, Pfn to);

// Looks at the aligned 2 MiB at `block`, which lies in `vma`, and collapses
// it if the limits allow: its pages are copied into a fresh folio mapped by a
// PMD, all of it exclusive. Large folios they were part of are not split.
[[nodiscard]] Collapse collapse_block(AddressSpace& mm, Vma& vma, VirtAddr block,
                                      const CollapseLimits& limits);

// MADV_COLLAPSE of `range`, a part of `vma`: every aligned 2 MiB inside.
// kNoMem: no free block. kBusy: pages to be filled by a userfaultfd. kAgain: a page in
// use. kInval: memory that cannot be huge, or an empty block.
[[nodiscard]] Result<void, Errno> madvise_collapse(AddressSpace& mm, Vma& vma, VirtRange range);

}  // namespace quire::vm
