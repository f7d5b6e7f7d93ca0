// vm/rmap_walk.h - all entries that map an anonymous folio.
//
// Mirrors: rmap_walk_anon with page_vma_mapped_walk, Linux 6.18.
#pragma once

#include <algorithm>

#include "vm/address_space.h"

namespace quire::vm {

// Consecutive entries of one table that map consecutive pages of a folio, or the
// one PMD entry that maps all of it.
struct MappedRun {
  AddressSpace& mm;
  Vma& vma;
  VirtAddr addr;
  Pfn page;         // the first
  Entry* pmd;       // the entry that maps, or that points at the table
  Entry* pte;       // null: mapped by the PMD entry
  std::uint32_t n;  // pages
};

// Whether to look at the mappings that were not looked at yet.
enum class Walk : std::uint8_t { kGoOn, kStop };

namespace rmap_detail {

template <typename Fn>
Walk walk_vma(System& system, Vma& vma, Pfn head, Fn& fn) {
  AddressSpace& mm = *vma.mm;
  const phys::Frame& f = system.memory.frame(head);
  const std::uint64_t index = f.index();
  const std::uint64_t end = std::min(index + f.order().pages().raw(), vma.last_page_index() + 1);
  for (std::uint64_t i = std::max(index, vma.pgoff); i < end;) {
    const VirtAddr addr = vma.address_of(i);
    const auto limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        end - i, pages_between(addr, addr.align_down(kOrderPmd) + kOrderPmd.bytes()).raw()));
    std::uint32_t step = limit;
    Entry* const pmd = mm.tables().peek_pmd(addr);
    if (pmd != nullptr && Native::is_present(*pmd)) {
      if (Native::is_leaf(*pmd)) {
        if (Native::pfn(*pmd) == head &&
            fn(MappedRun{mm, vma, addr, head, pmd, nullptr, limit}) == Walk::kStop)
          return Walk::kStop;
      } else {
        Entry* const pte = mm.tables().pte(*pmd, addr);
        const Pfn page = head + PageCount(i - index);
        step = 1;
        if (Native::is_present(*pte) && !Native::is_special(*pte) && Native::pfn(*pte) == page) {
          step = pte_batch(system.folios, pte, limit);
          if (fn(MappedRun{mm, vma, addr, page, pmd, pte, step}) == Walk::kStop) return Walk::kStop;
        }
      }
    }
    i += step;
  }
  return Walk::kGoOn;
}

}  // namespace rmap_detail

// Calls fn(const MappedRun&) for each run, mapping by mapping, until it says
// kStop. It may change the run's entries, and split its PMD entry if it then stops
// or asks for nothing more of that mapping.
template <typename Fn>
void rmap_walk(System& system, Pfn head, Fn fn) {
  const phys::Frame& f = system.memory.frame(head);
  const AnonVma* const anon_vma = system.anon_vmas.find(AnonVmaId(f.owner_id()));
  if (anon_vma == nullptr) return;
  const std::uint64_t last = f.index() + f.order().pages().raw() - 1;
  Walk walk = Walk::kGoOn;
  anon_vma->for_each_vma(f.index(), last, [&](Vma& vma) {
    if (walk == Walk::kGoOn) walk = rmap_detail::walk_vma(system, vma, head, fn);
  });
}

}  // namespace quire::vm
