#include "vm/madvise_cold.h"

#include "vm/reclaim.h"

namespace quire::vm {
namespace {

// True when the entry was dealt with as a whole.
bool cool_huge(AddressSpace& mm, Vma& vma, VirtAddr block, Entry& pmd, VirtRange part, ColdAdvice advice) {
  const Pfn head = Native::pfn(pmd);
  if (head == mm.system().huge_zero.head || mm.folios().maybe_mapped_shared(head)) return true;
  if (part.size() != kOrderPmd.bytes()) return !split_folio(mm.system(), head);
  if (advice == ColdAdvice::kPageOut) {
    reclaim_folio(mm, vma, block, head);
  } else {
    pmd = Native::make_old(pmd);
  }
  return true;
}

// Deals with the run of entries at `pte`; returns its length, 0 to look again.
std::uint32_t cool_run(AddressSpace& mm, Vma& vma, VirtAddr addr, Entry* pte, std::uint32_t limit,
                       ColdAdvice advice) {
  folio::Folios& folios = mm.folios();
  const Pfn head = folios.head_of(Native::pfn(*pte));
  std::uint32_t n = 1;
  if (folios.is_large(head)) {
    n = pte_batch(folios, pte, limit);
    if (n < folios.order_of(head).pages().raw()) {
      if (folios.maybe_mapped_shared(head)) return n;
      return split_folio(mm.system(), head) ? 0 : n;
    }
  }
  const bool anon = folios.is_anon(head);
  const std::uint64_t maps = anon ? folios.mapcount(head) : mm.memory().frame(head).mapcount;
  if (maps != n) return n;  // others map it as well
  if (advice == ColdAdvice::kCold) {
    mm.tables().clear_young_dirty_ptes(pte, n, pagetable::Clear::kYoung);
  } else if (anon) {
    reclaim_folio(mm, vma, addr, head);
  }
  return n;
}

void cool_ptes(AddressSpace& mm, Vma& vma, Entry pmd, VirtRange range, ColdAdvice advice) {
  Entry* pte = mm.tables().pte(pmd, range.begin);
  VirtAddr at = range.begin;
  while (at < range.end) {
    const auto left = static_cast<std::uint32_t>(pages_between(at, range.end).raw());
    const bool skip = !Native::is_present(*pte) || Native::is_special(*pte);
    const std::uint32_t n = skip ? 1 : cool_run(mm, vma, at, pte, left, advice);
    pte += n;
    at += PageCount(n);
  }
}

}  // namespace

void madvise_cold_range(AddressSpace& mm, Vma& vma, VirtRange range, ColdAdvice advice) {
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    const VirtRange part{std::max(block, range.begin), std::min(block + kOrderPmd.bytes(), range.end)};
    if (Native::is_leaf(pmd) && cool_huge(mm, vma, block, pmd, part, advice)) return;
    cool_ptes(mm, vma, pmd, part, advice);
  });
}

}  // namespace quire::vm
