#include "reclaim/vm_users.h"

#include <algorithm>

#include "vm/rmap_walk.h"
#include "vm/shrink.h"
#include "vm/unmap.h"

namespace quire::reclaim {

using arch::Entry;
using arch::Native;
using pagetable::Clear;
using pagetable::PageTable;

bool VmUsers::is_busy(Pfn head) const { return std::ranges::find(system_.busy, head) != system_.busy.end(); }

std::uint32_t VmUsers::referenced(Pfn head) { return vm::folio_referenced(system_, head); }

// Consecutive entries of one folio are one use of it, as they are for a batch of the kernel's.
std::uint64_t VmUsers::look_at_table(vm::AddressSpace& mm, Entry pmd, VirtRange range, UsedFn used) {
  Entry* pte = mm.tables().pte(pmd, range.begin);
  Entry* const end = pte + pages_between(range.begin, range.end).raw();
  const std::uint64_t all = static_cast<std::uint64_t>(end - pte);
  std::uint32_t n = 1;
  for (; pte != end; pte += n) {
    n = 1;
    if (!Native::is_present(*pte) || Native::is_special(*pte)) continue;
    const Pfn head = system_.folios.head_of(Native::pfn(*pte));
    if (!system_.folios.is_anon(head)) continue;
    if (system_.folios.is_large(head))
      n = vm::pte_batch(system_.folios, pte, static_cast<std::uint32_t>(end - pte));
    const bool young =
        std::any_of(pte, pte + n, [](const Entry& e) { return Native::is_young(PageTable::ptep_get(&e)); });
    if (young && used(head)) mm.tables().clear_young_dirty_ptes(pte, n, Clear::kYoung);
  }
  return all;
}

std::uint32_t VmUsers::referenced_and_nearby(Pfn head, UsedFn nearby) {
  constexpr ByteCount kAround = PageCount(64).bytes();  // MIN_LRU_BATCH entries
  std::uint32_t n = 0;
  struct Place {
    vm::AddressSpace* mm;
    const vm::Vma* vma;
    VirtAddr addr;
    Entry pmd;
  };
  std::vector<Place> places;
  vm::rmap_walk(system_, head, [&](const vm::MappedRun& run) {
    bool young = false;
    if (run.pte == nullptr) {
      young = Native::is_young(*run.pmd);
      *run.pmd = Native::make_old(*run.pmd);
    } else {
      young = std::any_of(run.pte, run.pte + run.n,
                          [](const Entry& e) { return Native::is_young(PageTable::ptep_get(&e)); });
      run.mm.tables().clear_young_dirty_ptes(run.pte, run.n, Clear::kYoung);
      if (young) places.push_back({&run.mm, &run.vma, run.addr, *run.pmd});
    }
    if (young) ++n;
    return vm::Walk::kGoOn;
  });
  for (const Place& place : places) {
    const VirtAddr block = place.addr.align_down(kOrderPmd);
    const VirtAddr middle = VirtAddr(place.addr.raw() / kAround.raw() * kAround.raw());
    const VirtRange around{std::max({middle, block, place.vma->begin()}),
                           std::min({middle + kAround, block + kOrderPmd.bytes(), place.vma->end()})};
    look_at_table(*place.mm, place.pmd, around, nearby);
  }
  return n;
}

std::uint64_t VmUsers::walk_tables(folio::GroupId group, UsedFn used) {
  std::uint64_t entries = 0;
  each_space_([&](vm::AddressSpace& mm) {
    if (mm.group != group) return;
    for (vm::Vma& vma : mm.mappings()) {
      if (vma.anon_vma == nullptr) continue;
      mm.tables().for_each_pmd(vma.range, [&](VirtAddr block, Entry& pmd) {
        if (!Native::is_present(pmd)) return;  // in swap, all of it
        if (!Native::is_leaf(pmd)) {
          const VirtRange part{std::max(block, vma.begin()), std::min(block + kOrderPmd.bytes(), vma.end())};
          entries += look_at_table(mm, pmd, part, used);
          return;
        }
        ++entries;
        const Pfn head = Native::pfn(pmd);
        if (Native::is_young(pmd) && head != system_.huge_zero.head && used(head))
          pmd = Native::make_old(pmd);
      });
    }
  });
  return entries;
}

Shrunk VmUsers::shrink(const std::vector<Pfn>& folios, absl::FunctionRef<Reference(Pfn)> references) {
  vm::Shrunk shrunk = vm::shrink_folio_list(system_, folios, [&](Pfn head) {
    if (is_busy(head)) return vm::Reference::kKeep;
    switch (references(head)) {
      case Reference::kKeep:
        return vm::Reference::kKeep;
      case Reference::kActivate:
        return vm::Reference::kActivate;
      case Reference::kReclaim:
        break;
    }
    return vm::Reference::kReclaim;
  });
  return {
      .reclaimed = shrunk.reclaimed, .keep = std::move(shrunk.keep), .activate = std::move(shrunk.activate)};
}

bool VmUsers::can_swap(folio::GroupId /*group*/) const {
  return system_.swap.total().raw() > system_.swap.used().raw();
}

}  // namespace quire::reclaim
