#include "vm/swap_off.h"

#include "vm/rmap.h"
#include "vm/swap_cache.h"

namespace quire::vm {
namespace {

void map_page(AddressSpace& mm, const Vma& vma, VirtAddr addr, Entry* pte, Pfn page) {
  folio::Folios& folios = mm.folios();
  const Pfn head = folios.head_of(page);
  const Entry old = *pte;
  const bool exclusive = Native::is_swap_exclusive(old);
  mm.system().swap.restore_tags(*mm.system().swap.entry_of(head), head, folios.order_of(head));
  mm.tables().clear_ptes(pte, 1);
  mm.rss().add_anon(PageCount(1));
  mm.rss().sub_swap(PageCount(1));
  folios.get(head);
  if (folios.is_anon(head)) {
    add_anon_rmap_ptes(mm, vma, page, 1, exclusive ? folio::Exclusive::kYes : folio::Exclusive::kNo);
  } else if (exclusive) {
    add_swapped_in_anon_rmap(mm, vma, head, addr, folio::MappedBy::kPtes);
  } else {
    add_swapped_in_shared_anon_rmap(mm, vma, head, addr, 1);
  }
  mm.tables().set_pte(pte, Native::make_old(Native::leaf(page, page_prot(vma))));
  mm.system().swap.put(Native::swap_entry(old));
  free_swap(mm.system(), head);
}

Result<void, Errno> unuse_pte(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry* pte) {
  System& system = mm.system();
  const SwapEntry entry = Native::swap_entry(*pte);
  Pfn page = system.swap.cached(entry);
  if (!page.valid()) {
    const auto read = system.swap_readahead.read(mm, vma, addr);
    if (!read) {
      system.note_swap_loss(mm.id(), addr, entry, read.error());
      return fail(Errno::kIo);
    }
    if (!*read) return fail(Errno::kNoMem);
    page = **read;
  }
  map_page(mm, vma, addr, pte, page);
  return {};
}

}  // namespace

Result<void, Errno> unuse_mm(AddressSpace& mm, std::uint8_t device) {
  Result<void, Errno> result;
  if (mm.rss().swap() == PageCount(0)) return result;
  mm.tables().for_each_pmd({VirtAddr(0), kTaskSize}, [&](VirtAddr block, Entry& pmd) {
    if (Native::is_leaf(pmd)) return;
    for (std::uint32_t i = 0; i < kPagesPerPmd; ++i) {
      const VirtAddr addr = block + PageCount(i);
      Entry* const pte = mm.tables().pte(pmd, addr);
      if (!result && result.error() == Errno::kNoMem) return;  // nor for the next one
      if (!Native::is_swap(*pte) || Native::swap_entry(*pte).device() != device) continue;
      const auto done = unuse_pte(mm, *mm.mappings().find(addr), addr, pte);
      if (!done && result) result = done;
    }
  });
  return result;
}

}  // namespace quire::vm
