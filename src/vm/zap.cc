#include "vm/zap.h"

#include "base/check.h"
#include "vm/huge_pmd.h"
#include "vm/rmap.h"
#include "vm/swap_cache.h"

namespace quire::vm {
namespace {

void zap_huge(AddressSpace& mm, const Vma& vma, Entry& pmd) {
  const Pfn head = Native::pfn(pmd);
  mm.tables().set_pmd(pmd, Entry{});
  mm.tables().drop_deposit();
  if (head == mm.system().huge_zero.head) return;
  remove_rmap_pmd(mm, vma, head);
  mm.rss().sub_anon(kOrderPmd.pages());
  put_folio_and_swap_cache(mm.system(), head);
}

// Removes the run of entries of one folio that starts at `pte`; returns its length.
std::uint32_t zap_present(AddressSpace& mm, const Vma& vma, Entry* pte, std::uint32_t limit) {
  const Entry e = *pte;
  if (Native::is_special(e)) {
    mm.tables().clear_ptes(pte, 1);
    return 1;
  }
  const Pfn page = Native::pfn(e);
  folio::Folios& folios = mm.folios();
  const Pfn head = folios.head_of(page);
  if (!folios.is_anon(head)) {
    mm.tables().clear_ptes(pte, 1);
    folios.remove_file_rmap(page);
    mm.rss().sub_file(PageCount(1));
    folios.put(head);
    return 1;
  }
  const std::uint32_t n = folios.is_large(head) ? pte_batch(folios, pte, limit) : 1;
  // An anonymous folio does not learn here that it was written to.
  mm.tables().clear_ptes(pte, n);
  remove_rmap_ptes(mm, vma, page, n);
  mm.rss().sub_anon(PageCount(n));
  put_folio_and_swap_cache(mm.system(), head, n);
  return n;
}

// Removes what is not present at `pte`; returns the number of entries.
std::uint32_t zap_nonpresent(AddressSpace& mm, Entry* pte, std::uint32_t limit, Markers markers) {
  if (Native::is_swap(*pte)) return zap_swap(mm, pte, limit);
  if (markers == Markers::kDrop) mm.tables().clear_ptes(pte, 1);
  return 1;
}

void zap_ptes(AddressSpace& mm, const Vma& vma, Entry pmd, VirtRange range, Markers markers) {
  Entry* pte = mm.tables().pte(pmd, range.begin);
  Entry* const end = pte + pages_between(range.begin, range.end).raw();
  while (pte != end) {
    const auto left = static_cast<std::uint32_t>(end - pte);
    if (Native::is_none(*pte)) {
      ++pte;
    } else if (Native::is_present(*pte)) {
      pte += zap_present(mm, vma, pte, left);
    } else {
      pte += zap_nonpresent(mm, pte, left, markers);
    }
  }
}

}  // namespace

std::uint32_t zap_swap(AddressSpace& mm, Entry* pte, std::uint32_t limit) {
  const std::uint32_t n = swap_pte_batch(pte, limit);
  const SwapEntry first = Native::swap_entry(*pte);
  mm.tables().clear_ptes(pte, n);
  mm.rss().sub_swap(PageCount(n));
  free_swap_and_cache(mm.system(), first, PageCount(n));
  return n;
}

void zap_range(AddressSpace& mm, Vma& vma, VirtRange range, Tables tables, Markers markers) {
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    const VirtRange part{std::max(block, range.begin), std::min(block + kOrderPmd.bytes(), range.end)};
    const bool whole = part.size() == kOrderPmd.bytes();
    if (Native::is_leaf(pmd)) {
      if (whole) return zap_huge(mm, vma, pmd);
      split_huge_pmd(mm, vma, pmd, block);
    }
    zap_ptes(mm, vma, pmd, part, markers);
    if (whole && tables == Tables::kFreeEmptied && mm.tables().pte_table_is_empty(pmd))
      mm.tables().free_pte_table(pmd);
  });
}

}  // namespace quire::vm
