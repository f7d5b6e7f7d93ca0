#include "vm/fault_file.h"

#include "base/check.h"
#include "vm/charge.h"
#include "vm/rmap.h"
#include "vm/tags.h"

namespace quire::vm {

using folio::MappedBy;

namespace {

// Maps one page of the page cache; `pte` is none.
bool map_page(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry& pte, AccessKind kind) {
  const auto page = mm.system().page_cache.page(vma.file.id, vma.page_index(addr));
  if (!page) return false;
  mm.folios().get(*page);
  mm.folios().add_file_rmap(*page);
  sync_tags(mm, vma, *page, PageCount(1));
  mm.rss().add_file(PageCount(1));
  Entry e = Native::make_young(Native::leaf(*page, page_prot(vma)));
  if (kind == AccessKind::kWrite) e = Native::make_dirty(e);
  if (kind == AccessKind::kWrite || writes_unwatched(vma)) e = maybe_writable(e, vma);
  mm.tables().set_pte(&pte, e);
  return true;
}

// The kernel's fault-around: a read also maps what the cache has in the 64 KiB
// block around it. Where the mapping begins inside the block, the 64 KiB begin
// there; they never leave the table.
void map_around(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry pmd) {
  constexpr Order kAround{std::max(16U, kPageShift) - kPageShift};
  const VirtAddr begin = std::max(addr.align_down(kAround), vma.begin());
  const VirtAddr end =
      std::min({begin + kAround.bytes(), (addr + PageCount(1)).align_up(kOrderPmd), vma.end()});
  for (VirtAddr at = begin; at < end; at += PageCount(1)) {
    Entry& pte = *mm.tables().pte(pmd, at);
    if (Native::is_none(pte) && mm.system().page_cache.find(vma.file.id, vma.page_index(at)))
      (void)map_page(mm, vma, at, pte, AccessKind::kRead);
  }
}

FaultResult cow_fault(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry& pte) {
  mm.mappings().anon_vma_prepare(vma);
  const auto source = mm.system().page_cache.page(vma.file.id, vma.page_index(addr));
  if (!source) return FaultResult::kOom;
  const auto fresh = alloc_folio(mm, kOrder0);
  if (!fresh) return FaultResult::kOom;
  mm.memory().copy(*source, *fresh);
  add_new_anon_rmap(mm, vma, *fresh, addr, MappedBy::kPtes);
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
  if (kind != AccessKind::kWrite && vma.file.kind == FileKind::kShmem) {
    map_around(mm, vma, addr, pmd);
    if (!Native::is_none(pte)) return FaultResult::kMinor;
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
