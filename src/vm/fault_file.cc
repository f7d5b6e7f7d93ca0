#include "vm/fault_file.h"

#include "base/check.h"

namespace quire::vm {

using folio::MappedBy;

namespace {

// Maps one page of the page cache; `pte` is none.
bool map_page(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry& pte, AccessKind kind) {
  const auto page = mm.system().page_cache.page(vma.file.id, vma.page_index(addr));
  if (!page) return false;
  mm.folios().get(*page);
  mm.folios().add_file_rmap(*page);
  mm.rss().add_file(PageCount(1));
  Entry e = Native::make_young(Native::leaf(*page, page_prot(vma)));
  if (kind == AccessKind::kWrite) e = maybe_writable(Native::make_dirty(e), vma);
  mm.tables().set_pte(&pte, e);
  return true;
}

FaultResult cow_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte) {
  mm.mappings().anon_vma_prepare(vma);
  const auto source = mm.system().page_cache.page(vma.file.id, vma.page_index(addr));
  if (!source) return FaultResult::kOom;
  const auto fresh = mm.folios().allocate(kOrder0);
  if (!fresh) return FaultResult::kOom;
  mm.memory().copy(*source, *fresh);
  mm.folios().add_new_anon_rmap(*fresh, {vma.anon_vma->id().raw(), vma.page_index(addr)}, mm.id(),
                                MappedBy::kPtes);
  mm.rss().add_anon(PageCount(1));
  mm.tables().set_pte(
      &pte,
      maybe_writable(Native::make_dirty(Native::make_young(Native::leaf(*fresh, page_prot(vma)))), vma));
  return FaultResult::kMinor;
}

}  // namespace

FaultResult do_file_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pmd, AccessKind kind) {
  if (Native::is_none(pmd) && !mm.tables().alloc_pte_table(pmd)) return FaultResult::kOom;
  Entry& pte = *mm.tables().pte(pmd, addr);
  if (vma.flags.has(VmFlag::kPfnMap)) {
    // A frame of the kernel's own (vvar): mapped, but nobody's resident page.
    mm.tables().set_pte(
        &pte, Native::make_young(Native::make_special(Native::leaf(mm.system().zero_page, page_prot(vma)))));
    return FaultResult::kMinor;
  }
  if (kind == AccessKind::kWrite && !vma.is_shared()) return cow_fault(mm, vma, addr, pte);
  return map_page(mm, vma, addr, pte, kind) ? FaultResult::kMinor : FaultResult::kOom;
}

void map_file_pages(AddressSpace& mm, VirtAddr near, std::uint64_t first, std::uint64_t last) {
  Vma* const vma = mm.mappings().find(near);
  if (vma == nullptr || vma->is_anonymous()) return;
  first = std::max(first, vma->pgoff);
  last = std::min(last, vma->last_page_index());
  for (std::uint64_t index = first; index <= last; ++index) {
    const VirtAddr addr = vma->address_of(index);
    Entry* const pmd = mm.tables().find_pmd(addr);
    if (pmd == nullptr || Native::is_none(*pmd))
      continue;  // fault-around never makes a table but the fault's own
    Entry& pte = *mm.tables().pte(*pmd, addr);
    if (Native::is_none(pte) && !map_page(mm, *vma, addr, pte, AccessKind::kRead)) return;
  }
}

}  // namespace quire::vm
