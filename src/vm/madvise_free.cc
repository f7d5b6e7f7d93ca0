#include "vm/madvise_free.h"

#include <algorithm>

#include "vm/fault.h"
#include "vm/swap_cache.h"
#include "vm/zap.h"

namespace quire::vm {
namespace {

using stats::VmEvent;

// What is locked is on no list that it could be moved from.
void mark_lazyfree(AddressSpace& mm, Pfn head) {
  phys::Frame& f = mm.memory().frame(head);
  if (f.lazyfree != 0 || mm.folios().mlocked(head)) return;
  f.lazyfree = 1;
  mm.counters().add(VmEvent::pglazyfree, f.order().pages().raw());
  if (mm.system().reclaim != nullptr) mm.system().reclaim->lazyfree(head);
}

// True when the entry was dealt with as a whole.
bool free_huge(AddressSpace& mm, Entry& pmd, bool whole) {
  const Pfn head = Native::pfn(pmd);
  if (head == mm.system().huge_zero.head || mm.folios().maybe_mapped_shared(head)) return true;
  if (!whole) return !split_folio(mm.system(), head);
  mm.memory().frame(head).dirty = 0;
  pmd = Native::make_clean(Native::make_old(pmd));
  mark_lazyfree(mm, head);
  return true;
}

// Deals with the run of entries at `pte`; returns its length, 0 to look again.
std::uint32_t free_run(AddressSpace& mm, Entry* pte, std::uint32_t limit) {
  folio::Folios& folios = mm.folios();
  const Pfn head = folios.head_of(Native::pfn(*pte));
  if (!folios.is_anon(head)) return 1;
  std::uint32_t n = 1;
  if (folios.is_large(head)) {
    n = pte_batch(folios, pte, limit);
    if (n < folios.order_of(head).pages().raw()) {
      if (folios.maybe_mapped_shared(head)) return n;
      return split_folio(mm.system(), head) ? 0 : n;
    }
  }
  phys::Frame& f = mm.memory().frame(head);
  if (f.dirty != 0 || f.swapcache != 0) {
    if (folios.mapcount(head) != n) return n;  // others would see it go
    if (f.swapcache != 0 && !free_swap(mm.system(), head)) return n;
    f.dirty = 0;
  }
  mm.tables().clear_young_dirty_ptes(pte, n, pagetable::Clear::kYoungAndDirty);
  mark_lazyfree(mm, head);
  return n;
}

void free_ptes(AddressSpace& mm, Entry pmd, VirtRange range) {
  Entry* pte = mm.tables().pte(pmd, range.begin);
  Entry* const end = pte + pages_between(range.begin, range.end).raw();
  while (pte != end) {
    const auto left = static_cast<std::uint32_t>(end - pte);
    if (Native::is_swap(*pte)) {
      pte += zap_swap(mm, pte, left);
    } else if (!Native::is_present(*pte) || Native::is_special(*pte)) {
      ++pte;
    } else {
      pte += free_run(mm, pte, left);
    }
  }
}

}  // namespace

void madvise_free_range(AddressSpace& mm, VirtRange range) {
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    const VirtRange part{std::max(block, range.begin), std::min(block + kOrderPmd.bytes(), range.end)};
    if (Native::is_leaf(pmd) && free_huge(mm, pmd, part.size() == kOrderPmd.bytes())) return;
    free_ptes(mm, pmd, part);
  });
}

}  // namespace quire::vm
