#include "vm/madvise_cold.h"

#include "vm/shrink.h"

namespace quire::vm {
namespace {

// Reclaims what was taken off the lists, at once and whoever used it lately.
void reclaim_pages(AddressSpace& mm, std::vector<Pfn>& isolated) {
  const Shrunk shrunk = shrink_folio_list(mm.system(), isolated);
  for (const auto* kept : {&shrunk.keep, &shrunk.activate}) {
    for (const Pfn head : *kept) {
      if (mm.system().reclaim != nullptr) mm.system().reclaim->put_back(head, kept == &shrunk.activate);
      mm.folios().put(head);
    }
  }
  isolated.clear();
}

void isolate(AddressSpace& mm, Pfn head, std::vector<Pfn>& isolated) {
  if (mm.folios().mlocked(head)) return;
  mm.folios().get(head);
  if (mm.system().reclaim != nullptr) mm.system().reclaim->isolate(head);
  isolated.push_back(head);
}

// True when the entry was dealt with as a whole.
bool cool_huge(AddressSpace& mm, Entry& pmd, VirtRange part, ColdAdvice advice) {
  const Pfn head = Native::pfn(pmd);
  if (head == mm.system().huge_zero.head || mm.folios().maybe_mapped_shared(head)) return true;
  if (part.size() != kOrderPmd.bytes()) return !split_folio(mm.system(), head);
  if (advice == ColdAdvice::kPageOut) {
    std::vector<Pfn> isolated;
    isolate(mm, head, isolated);
    reclaim_pages(mm, isolated);
  } else {
    pmd = Native::make_old(pmd);
    if (mm.system().reclaim != nullptr) mm.system().reclaim->deactivate(head);
  }
  return true;
}

// Deals with the run of entries at `pte`; returns its length, 0 to look again.
std::uint32_t cool_run(AddressSpace& mm, Entry* pte, std::uint32_t limit, ColdAdvice advice,
                       std::vector<Pfn>& isolated) {
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
    if (anon && mm.system().reclaim != nullptr) mm.system().reclaim->deactivate(head);
  } else if (anon) {
    isolate(mm, head, isolated);
  }
  return n;
}

void cool_ptes(AddressSpace& mm, Entry pmd, VirtRange range, ColdAdvice advice) {
  std::vector<Pfn> isolated;
  Entry* pte = mm.tables().pte(pmd, range.begin);
  VirtAddr at = range.begin;
  while (at < range.end) {
    const auto left = static_cast<std::uint32_t>(pages_between(at, range.end).raw());
    const bool skip = !Native::is_present(*pte) || Native::is_special(*pte);
    const std::uint32_t n = skip ? 1 : cool_run(mm, pte, left, advice, isolated);
    pte += n;
    at += PageCount(n);
  }
  reclaim_pages(mm, isolated);
}

}  // namespace

void madvise_cold_range(AddressSpace& mm, VirtRange range, ColdAdvice advice) {
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    const VirtRange part{std::max(block, range.begin), std::min(block + kOrderPmd.bytes(), range.end)};
    if (Native::is_leaf(pmd) && cool_huge(mm, pmd, part, advice)) return;
    cool_ptes(mm, pmd, part, advice);
  });
}

}  // namespace quire::vm
