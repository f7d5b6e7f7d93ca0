#include "vm/reclaim.h"

#include "vm/huge_pmd.h"
#include "vm/rmap.h"

namespace quire::vm {
namespace {

using stats::MthpStat;
using stats::VmEvent;

// Drops the pages, unless the folio was written to since it was marked: then
// it is an ordinary folio again. A huge PMD is split in either case.
void drop_lazyfree(AddressSpace& mm, Vma& vma, VirtAddr addr, Pfn head) {
  Entry& pmd = *mm.tables().find_pmd(addr);
  if (Native::is_leaf(pmd)) split_huge_pmd(mm, vma, pmd, addr);
  phys::Frame& f = mm.memory().frame(head);
  const PageCount pages = f.order().pages();
  Entry* const first = mm.tables().pte(pmd, addr);
  for (Entry* e = first; e != first + pages.raw(); ++e)
    if (Native::is_dirty(mm.tables().ptep_get(e))) f.dirty = 1;
  if (f.dirty != 0) {
    f.lazyfree = 0;
    return;
  }
  const auto n = static_cast<std::uint32_t>(pages.raw());
  if (mm.folios().refcount(head) != n) return;  // someone else holds it
  mm.tables().clear_ptes(first, n);
  remove_rmap_ptes(mm, vma, head, n);
  mm.rss().sub_anon(pages);
  mm.folios().put(head, n);
  mm.counters().add(VmEvent::pglazyfreed, n);
}

}  // namespace

void reclaim_folio(AddressSpace& mm, Vma& vma, VirtAddr addr, Pfn head) {
  if (mm.folios().mlocked(head)) return;
  if (mm.memory().frame(head).lazyfree != 0) return drop_lazyfree(mm, vma, addr, head);
  const Order order = mm.folios().order_of(head);
  if (order == kOrder0 || mm.folios().refcount(head) != mm.folios().mapcount(head)) return;
  if (!split_folio(mm.system(), head)) return;
  mm.counters().add(MthpStat::swpout_fallback, order);
  if (order == kOrderPmd) mm.counters().add(VmEvent::thp_swpout_fallback);
}

}  // namespace quire::vm
