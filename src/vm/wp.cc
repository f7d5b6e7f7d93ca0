#include "vm/wp.h"

#include "base/check.h"
#include "policy/policy.h"
#include "vm/charge.h"
#include "vm/large_copy.h"
#include "vm/rmap.h"
#include "vm/swap_cache.h"

namespace quire::vm {

using folio::MappedBy;
using stats::VmEvent;

namespace {

// A large folio may be taken over in place when this address space alone maps
// it and nothing else refers to it. A folio of which one page is left mapped
// is copied instead, so that the rest can be freed.
bool can_reuse_large(System& system, Pfn head) {
  folio::Folios& folios = system.folios;
  const std::uint32_t maps = folios.mapcount(head);
  if (maps <= 1 || folios.maybe_mapped_shared(head)) return false;
  free_swap(system, head);
  return maps == folios.refcount(head);
}

bool can_reuse_small(System& system, Pfn head) {
  if (system.folios.refcount(head) > 1 + system.folios.cache_refs(head)) return false;
  free_swap(system, head);
  return system.folios.refcount(head) == 1;
}

bool can_reuse(AddressSpace& mm, const Vma& vma, Pfn page) {
  phys::Frame& f = mm.memory().frame(page);
  if (f.anon_exclusive != 0) return true;
  const Pfn head = mm.folios().head_of(page);
  if (mm.folios().is_large(head)) {
    if (!can_reuse_large(mm.system(), head)) return false;
  } else {
    if (!can_reuse_small(mm.system(), head)) return false;
    mm.folios().move_anon_rmap(head, vma.anon_vma->id().raw());
  }
  f.anon_exclusive = 1;  // this page only, also of a large folio
  return true;
}

void reuse(AddressSpace& mm, const Vma& vma, Entry& pte) {
  const Entry e = mm.tables().ptep_get(&pte);
  mm.tables().set_access_flags(&pte, maybe_writable(Native::make_dirty(Native::make_young(e)), vma));
  mm.counters().add(VmEvent::pgreuse);
}

// The old page loses this map; a file page and the zero page were not anonymous.
void release_old(AddressSpace& mm, const Vma& vma, Entry old) {
  if (Native::is_special(old)) return mm.rss().add_anon(PageCount(1));
  const Pfn page = Native::pfn(old);
  const Pfn head = mm.folios().head_of(page);
  if (mm.folios().is_anon(head)) {
    remove_rmap_ptes(mm, vma, page, 1);
  } else {
    mm.folios().remove_file_rmap(page);
    mm.rss().sub_file(PageCount(1));
    mm.rss().add_anon(PageCount(1));
  }
  put_folio_and_swap_cache(mm.system(), head);
}

// Where a named policy copies more than 4 KiB. False: it does not, or not here.
bool copied_large(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry old, WpKind kind) {
  const policy::Policy& policy = *mm.system().settings.policy;
  const bool zero = Native::is_special(old);
  if (zero ? policy.zero_pages == policy::ZeroPages::kSmall : policy.cow_orders == nullptr) return false;
  if (!vma.is_anonymous()) return false;
  const Entry pmd = *mm.tables().find_pmd(addr);
  return zero ? expand_zero_pages(mm, vma, addr, pmd) : copy_large(mm, vma, addr, pmd, kind);
}

FaultResult copy(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte, WpKind kind) {
  const Entry old = mm.tables().ptep_get(&pte);
  const Pfn from = Native::is_special(old) ? mm.system().zero_page : mm.folios().head_of(Native::pfn(old));
  const BusyFolio busy(mm.system(), from);
  if (copied_large(mm, vma, addr, old, kind)) return FaultResult::kMinor;
  mm.mappings().anon_vma_prepare(vma);
  const auto fresh = alloc_folio(mm, kOrder0);
  if (!fresh) return FaultResult::kOom;
  if (Native::is_special(old)) {
    mm.memory().zero(*fresh, kOrder0);
  } else {
    mm.memory().copy(Native::pfn(old), *fresh);
    if (mm.folios().is_anon(mm.folios().head_of(Native::pfn(old))))
      mm.counters().add(VmEvent::quire_cow_pages);
  }
  add_new_anon_rmap(mm, vma, *fresh, addr, MappedBy::kPtes);
  mm.tables().clear_ptes(&pte, 1);
  Entry e = Native::make_young(Native::leaf(*fresh, page_prot(vma)));
  if (kind == WpKind::kWrite) e = maybe_writable(Native::make_dirty(e), vma);
  mm.tables().set_pte(&pte, e);
  release_old(mm, vma, old);
  return FaultResult::kMinor;
}

}  // namespace

FaultResult do_wp_page(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte, WpKind kind) {
  if (vma.is_shared()) {
    if (kind == WpKind::kWrite) reuse(mm, vma, pte);
    return FaultResult::kMinor;
  }
  if (!Native::is_special(pte)) {
    const Pfn page = Native::pfn(pte);
    if (mm.folios().is_anon(mm.folios().head_of(page)) && can_reuse(mm, vma, page)) {
      if (kind == WpKind::kWrite) reuse(mm, vma, pte);
      return FaultResult::kMinor;
    }
  }
  return copy(mm, vma, addr, pte, kind);
}

}  // namespace quire::vm
