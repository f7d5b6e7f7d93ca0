// 2 MiB that went to swap as one PMD entry come back as one.
#include "vm/charge.h"
#include "vm/rmap.h"
#include "vm/swap_in.h"

namespace quire::vm {
namespace {

using stats::MthpStat;
using stats::VmEvent;

bool any_cached(const System& system, SwapEntry first) {
  for (PageCount i; i < kOrderPmd.pages(); i += PageCount(1))
    if (system.swap.cached(first + i).valid()) return true;
  return false;
}

}  // namespace

std::optional<FaultResult> do_swap_pmd(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd,
                                       AccessKind kind) {
  System& system = mm.system();
  const SwapEntry first = Native::swap_entry(pmd);
  // What others share, or could not be written, is found page by page.
  if (!Native::is_swap_exclusive(pmd) || any_cached(system, first)) return {};
  if (system.swap.zswap_ever_enabled()) return {};
  if (!system.swap.alike_in_zeroes(first, kOrderPmd.pages())) return {};
  const auto head = alloc_swapped_folio(system, first, kOrderPmd, large_folio_effort(system, vma));
  if (!head) {
    mm.counters().add(MthpStat::swpin_fallback, kOrderPmd);
    if (head.error() == NoFolio::kCharge) mm.counters().add(MthpStat::swpin_fallback_charge, kOrderPmd);
    return {};
  }
  if (!system.swap.read(first, *head, kOrderPmd)) {  // some pages of it may still be readable
    mm.folios().put(*head);
    return {};
  }
  if (system.reclaim != nullptr) system.reclaim->refaulted(*head, first);
  mm.counters().add(VmEvent::pgmajfault);
  system.swap.restore_tags(first, *head, kOrderPmd);
  mm.tables().clear_swap_pmd(pmd);
  system.swap.put(first, kOrderPmd.pages());
  mm.rss().add_anon(kOrderPmd.pages());
  mm.rss().sub_swap(kOrderPmd.pages());
  add_swapped_in_anon_rmap(mm, vma, *head, addr.align_down(kOrderPmd), folio::MappedBy::kPmd);
  Entry e = maybe_writable(Native::make_young(Native::huge_leaf(*head, page_prot(vma))), vma);
  if (kind == AccessKind::kWrite) e = Native::make_dirty(e);
  mm.tables().set_pmd(pmd, e);
  if (system.settings.shrink_underused) mm.folios().defer_split(*head, folio::Folios::Why::kMaybeUnderused);
  return FaultResult::kMajor;
}

}  // namespace quire::vm
