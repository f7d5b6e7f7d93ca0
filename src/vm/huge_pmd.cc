#include "vm/huge_pmd.h"

#include "base/check.h"
#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/rmap.h"
#include "vm/swap_cache.h"

namespace quire::vm {

using folio::Exclusive;
using folio::Folios;
using folio::MappedBy;
using stats::MthpStat;
using stats::VmEvent;

namespace {

// A fresh, zeroed 2 MiB folio, or nothing and the counters say so.
std::optional<Pfn> allocate_folio_pmd(AddressSpace& mm, const Vma& vma) {
  const auto head = alloc_folio(mm, kOrderPmd, large_folio_effort(mm.system(), vma));
  if (!head) {
    mm.counters().add(VmEvent::thp_fault_fallback);
    mm.counters().add(MthpStat::anon_fault_fallback, kOrderPmd);
    if (head.error() == NoFolio::kMemory) return std::nullopt;
    mm.counters().add(VmEvent::thp_fault_fallback_charge);
    mm.counters().add(MthpStat::anon_fault_fallback_charge, kOrderPmd);
    return std::nullopt;
  }
  mm.memory().zero(*head, kOrderPmd);
  return *head;
}

// The counters of a huge fault move here and only here.
void map_faulted_folio(AddressSpace& mm, Vma& vma, Entry& pmd, VirtAddr block, Pfn head) {
  map_anon_pmd(mm, vma, pmd, block, head, WpKind::kWrite);
  mm.rss().add_anon(kOrderPmd.pages());
  mm.counters().add(VmEvent::thp_fault_alloc);
  mm.counters().add(MthpStat::anon_fault_alloc, kOrderPmd);
}

HugeFault map_huge_zero(AddressSpace& mm, const Vma& vma, Entry& pmd) {
  if (!mm.tables().deposit()) return HugeFault::kOom;
  if (!mm.get_huge_zero()) {
    mm.tables().drop_deposit();
    mm.counters().add(VmEvent::thp_fault_fallback);
    return HugeFault::kFallback;
  }
  mm.tables().set_pmd(pmd, Native::make_young(Native::huge_leaf(mm.system().huge_zero.head, page_prot(vma))));
  return HugeFault::kDone;
}

// A write to the huge zero folio gets 2 MiB of its own, or falls back.
HugeFault do_huge_zero_wp_pmd(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd) {
  mm.mappings().anon_vma_prepare(vma);
  const auto head = allocate_folio_pmd(mm, vma);
  if (!head) return HugeFault::kFallback;
  map_faulted_folio(mm, vma, pmd, addr.align_down(kOrderPmd), *head);
  return HugeFault::kDone;
}

bool copies_pmd(const AddressSpace& mm, const Vma& vma) {
  const System& system = mm.system();
  const auto decide = system.settings.policy->copies_pmd;
  return decide != nullptr && !vma.uffd_armed() &&
         decide({system.settings, system.masks, mm.thp, hints_of(vma), policy::Caller::pagefault});
}

// All of a shared folio, for this program alone. False: no block was to be had.
bool copy_pmd(AddressSpace& mm, Vma& vma, VirtAddr block, Entry& pmd, WpKind kind) {
  mm.mappings().anon_vma_prepare(vma);
  const BusyFolio busy(mm.system(), Native::pfn(pmd));
  const auto fresh = alloc_folio(mm, kOrderPmd, large_folio_effort(mm.system(), vma));
  if (!fresh) {
    mm.counters().add(VmEvent::quire_cow_pmd_fallback);
    return false;
  }
  const Pfn old = Native::pfn(pmd);
  for (std::uint32_t i = 0; i < kPagesPerPmd; ++i)
    mm.memory().copy(old + PageCount(i), *fresh + PageCount(i));
  mm.tables().set_pmd(pmd, Entry{});
  remove_rmap_pmd(mm, vma, old);
  put_folio_and_swap_cache(mm.system(), old);
  map_anon_pmd(mm, vma, pmd, block, *fresh, kind);
  mm.counters().add(VmEvent::quire_cow_pmds);
  mm.counters().add(VmEvent::quire_cow_pages, kPagesPerPmd);
  return true;
}

// A watched page: the fault gets its memory, and only then hands over.
HugeFault hand_over_to_uffd(AddressSpace& mm, const Vma& vma, AccessKind kind) {
  if (kind != AccessKind::kWrite && mm.system().settings.use_zero_page) {
    if (mm.get_huge_zero()) return HugeFault::kBus;
    mm.counters().add(VmEvent::thp_fault_fallback);
    return HugeFault::kFallback;
  }
  const auto head = allocate_folio_pmd(mm, vma);
  if (!head) return HugeFault::kFallback;
  mm.folios().put(*head);
  return HugeFault::kBus;
}

void fill_with_zero_pages(AddressSpace& mm, const Vma& vma, Entry pmd, VirtAddr block) {
  const Entry zero = Native::make_special(Native::leaf(mm.system().zero_page, page_prot(vma)));
  for (std::uint32_t i = 0; i < kPagesPerPmd; ++i)
    mm.tables().set_pte(mm.tables().pte(pmd, block + PageCount(i)), zero);
}

}  // namespace

void map_anon_pmd(AddressSpace& mm, Vma& vma, Entry& pmd, VirtAddr block, Pfn head, WpKind kind) {
  add_new_anon_rmap(mm, vma, head, block, MappedBy::kPmd);
  Entry e = Native::make_young(Native::huge_leaf(head, page_prot(vma)));
  if (kind == WpKind::kWrite) e = maybe_writable(Native::make_dirty(e), vma);
  mm.tables().set_pmd(pmd, e);
  if (mm.system().settings.shrink_underused) mm.folios().defer_split(head, Folios::Why::kMaybeUnderused);
}

HugeFault do_huge_pmd_anonymous_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd, AccessKind kind) {
  if (!vma.block_fits(addr, kOrderPmd)) return HugeFault::kFallback;  // silently: no counter
  mm.mappings().anon_vma_prepare(vma);
  mm.system().khugepaged.enter_vma(mm, vma, vma.flags);
  if (vma.flags.has(VmFlag::kUffdMissing)) return hand_over_to_uffd(mm, vma, kind);
  if (kind != AccessKind::kWrite && mm.system().settings.use_zero_page) return map_huge_zero(mm, vma, pmd);
  const auto head = allocate_folio_pmd(mm, vma);
  if (!head) return HugeFault::kFallback;
  if (!mm.tables().deposit()) {
    mm.folios().put(*head);
    return HugeFault::kOom;
  }
  map_faulted_folio(mm, vma, pmd, addr.align_down(kOrderPmd), *head);
  return HugeFault::kDone;
}

HugeFault do_huge_pmd_wp_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd, WpKind kind) {
  const Pfn head = Native::pfn(pmd);
  const VirtAddr block = addr.align_down(kOrderPmd);
  if (head == mm.system().huge_zero.head) {
    if (kind == WpKind::kUnshare) return HugeFault::kDone;
    if (do_huge_zero_wp_pmd(mm, vma, addr, pmd) == HugeFault::kDone) return HugeFault::kDone;
    split_huge_pmd(mm, vma, pmd, block);
    return HugeFault::kFallback;
  }
  phys::Frame& f = mm.memory().frame(head);
  if (f.anon_exclusive == 0 && mm.folios().refcount(head) == 1 + mm.folios().cache_refs(head))
    free_swap(mm.system(), head);
  if (f.anon_exclusive == 0 && mm.folios().refcount(head) == 1) {
    mm.folios().move_anon_rmap(head, vma.anon_vma->id().raw());
    f.anon_exclusive = 1;
  }
  if (f.anon_exclusive == 0) {
    if (copies_pmd(mm, vma) && copy_pmd(mm, vma, block, pmd, kind)) return HugeFault::kDone;
    mm.system().khugepaged.look_first(mm, block);
    split_huge_pmd(mm, vma, pmd, block);
    return HugeFault::kFallback;
  }
  if (kind == WpKind::kWrite)
    mm.tables().set_pmd(pmd, maybe_writable(Native::make_young(Native::make_dirty(pmd)), vma));
  return HugeFault::kDone;
}

void split_huge_pmd(AddressSpace& mm, Vma& vma, Entry& pmd, VirtAddr block) {
  mm.counters().add(VmEvent::thp_split_pmd);
  const Entry old = pmd;
  const Pfn head = Native::pfn(old);
  mm.tables().withdraw_into(pmd);
  if (head == mm.system().huge_zero.head) {
    fill_with_zero_pages(mm, vma, pmd, block);
    return;
  }
  phys::Frame& f = mm.memory().frame(head);
  const Exclusive exclusive = f.anon_exclusive != 0 ? Exclusive::kYes : Exclusive::kNo;
  if (Native::is_dirty(old)) f.dirty = 1;
  // One entry becomes 512: the folio is never seen with fewer maps than before.
  mm.folios().get(head, kPagesPerPmd - 1);
  add_anon_rmap_ptes(mm, vma, head, kPagesPerPmd, exclusive);
  Access access = page_prot(vma);
  access.write = Native::is_writable(old);
  Entry e = Native::leaf(head, access);
  if (Native::is_young(old)) e = Native::make_young(e);
  if (Native::is_dirty(old)) e = Native::make_dirty(e);
  mm.tables().set_ptes(mm.tables().pte(pmd, block), e, kPagesPerPmd);
  remove_rmap_pmd(mm, vma, head);
  // Where it cannot be, for somebody's reference, the folio stays whole as elsewhere.
  if (mm.system().settings.policy->pmd_split == policy::PmdSplit::kFolio) [[unlikely]]
    (void)split_folio(mm.system(), head);
}

}  // namespace quire::vm
