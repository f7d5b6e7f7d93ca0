#include "vm/unmap.h"

#include "policy/policy.h"
#include "vm/huge_pmd.h"
#include "vm/rmap.h"
#include "vm/rmap_walk.h"

namespace quire::vm {
namespace {

using stats::VmEvent;

void note_dirty(System& system, Pfn head, const MappedRun& run) {
  for (std::uint32_t i = 0; i < run.n; ++i)
    if (Native::is_dirty(run.mm.tables().ptep_get(run.pte + i))) system.memory.frame(head).dirty = 1;
}

// The entries let go of the pages; what they held is still to be put.
void let_go(const MappedRun& run) {
  run.mm.tables().clear_ptes(run.pte, run.n);
  remove_rmap_ptes(run.mm, run.vma, run.page, run.n);
  run.mm.rss().sub_anon(PageCount(run.n));
}

// What of a run, from its entry `begin` on, is writable or not like that entry: Linux lets
// go of so much at once (FPB_RESPECT_WRITE of folio_unmap_pte_batch), and what is then left
// makes the folio partially mapped.
MappedRun alike_part(const MappedRun& run, std::uint32_t begin) {
  const auto writable = [&](std::uint32_t i) {
    return Native::is_writable(run.mm.tables().ptep_get(run.pte + i));
  };
  std::uint32_t end = begin + 1;
  while (end < run.n && writable(end) == writable(begin)) ++end;
  const PageCount skipped(begin);
  return {run.mm, run.vma, run.addr + skipped, run.page + skipped, run.pmd, run.pte + begin, end - begin};
}

void swap_out_run(System& system, Pfn head, SwapEntry first, const MappedRun& run) {
  note_dirty(system, head, run);
  const SwapEntry entry = first + (run.page - head);
  system.swap.dup(entry, PageCount(run.n));
  let_go(run);
  for (std::uint32_t i = 0; i < run.n; ++i) {
    phys::Frame& page = system.memory.frame(run.page + PageCount(i));
    const Entry e = Native::swap(entry + PageCount(i));
    run.mm.tables().set_pte(run.pte + i, page.anon_exclusive != 0 ? Native::make_swap_exclusive(e) : e);
    page.anon_exclusive = 0;
  }
  run.mm.rss().add_swap(PageCount(run.n));
  system.folios.put(head, run.n);
}

// Under policies that have it: one entry for all of it.
void swap_out_pmd(System& system, Pfn head, SwapEntry first, const MappedRun& run) {
  phys::Frame& f = system.memory.frame(head);
  if (Native::is_dirty(*run.pmd)) f.dirty = 1;
  system.swap.dup(first, kOrderPmd.pages());
  run.mm.tables().set_pmd(*run.pmd, Entry{});
  remove_rmap_pmd(run.mm, run.vma, head);
  const Entry e = Native::swap(first);
  run.mm.tables().set_swap_pmd(*run.pmd, f.anon_exclusive != 0 ? Native::make_swap_exclusive(e) : e);
  f.anon_exclusive = 0;
  run.mm.rss().sub_anon(kOrderPmd.pages());
  run.mm.rss().add_swap(kOrderPmd.pages());
  system.folios.put(head);
}

// Whether to look further. Locked memory stays.
bool is_locked(System& system, Pfn head, const MappedRun& run) {
  if (!run.vma.flags.has(VmFlag::kLocked)) return false;
  system.folios.mlock(head);  // it should have been
  return true;
}

// Calls fn for every run of page-table entries; PMD entries become such first.
template <typename Fn>
void walk_ptes(System& system, Pfn head, Fn fn) {
  rmap_walk(system, head, [&](const MappedRun& run) {
    if (is_locked(system, head, run)) return Walk::kStop;
    if (run.pte != nullptr) return fn(run);
    split_huge_pmd(run.mm, run.vma, *run.pmd, run.addr);
    return fn({run.mm, run.vma, run.addr, run.page, run.pmd, run.mm.tables().pte(*run.pmd, run.addr), run.n});
  });
}

}  // namespace

bool try_to_unmap(System& system, Pfn head) {
  if (system.folios.maybe_dma_pinned(head)) return false;
  const SwapEntry first = *system.swap.entry_of(head);
  if (system.settings.policy->pmd_swap == policy::PmdSwap::kEntry) {
    rmap_walk(system, head, [&](const MappedRun& run) {
      if (run.pte == nullptr && !is_locked(system, head, run)) swap_out_pmd(system, head, first, run);
      return Walk::kGoOn;
    });
  }
  walk_ptes(system, head, [&](const MappedRun& run) {
    swap_out_run(system, head, first, run);
    return Walk::kGoOn;
  });
  return system.folios.mapcount(head) == 0;
}

bool try_to_discard(System& system, Pfn head) {
  folio::Folios& folios = system.folios;
  phys::Frame& f = system.memory.frame(head);
  walk_ptes(system, head, [&](const MappedRun& run) {
    for (std::uint32_t done = 0; done < run.n;) {
      const MappedRun part = alike_part(run, done);
      note_dirty(system, head, part);
      if (f.dirty != 0) f.lazyfree = 0;
      if (f.dirty != 0 || folios.refcount(head) != 1 + folios.mapcount(head)) return Walk::kStop;
      let_go(part);
      folios.put(head, part.n);
      done += part.n;
    }
    return Walk::kGoOn;
  });
  return folios.mapcount(head) == 0;
}

}  // namespace quire::vm
