#include "vm/madvise_free.h"

#include <algorithm>

#include "vm/fault.h"

namespace quire::vm {
namespace {

using stats::VmEvent;

bool maps_part_of(Vma& vma, Pfn head, std::uint64_t index, std::uint64_t pages) {
  const std::uint64_t begin = std::max(index, vma.pgoff);
  const std::uint64_t end = std::min(index + pages, vma.last_page_index() + 1);
  for (std::uint64_t i = begin; i < end; ++i)
    if (mapped_frame(*vma.mm, vma.address_of(i)) == head + PageCount(i - index)) return true;
  return false;
}

// Some program has locked it: it is on no list that lazy freeing could move it from.
bool is_mlocked(AddressSpace& mm, Pfn head) {
  const phys::Frame& f = mm.memory().frame(head);
  const std::uint64_t index = f.index();
  const std::uint64_t pages = f.order().pages().raw();
  bool locked = false;
  mm.system().anon_vmas.find(AnonVmaId(f.owner_id()))->for_each_vma(index, index + pages - 1, [&](Vma& vma) {
    locked = locked || (vma.flags.has(VmFlag::kLocked) && maps_part_of(vma, head, index, pages));
  });
  return locked;
}

// `maps` of the folio's maps are the ones in hand. A locked mapping refuses this
// advice, so only others can have it locked: without any, nobody is asked.
void mark_lazyfree(AddressSpace& mm, Pfn head, std::uint32_t maps) {
  phys::Frame& f = mm.memory().frame(head);
  if (f.lazyfree != 0) return;
  if (mm.folios().mapcount(head) != maps && is_mlocked(mm, head)) return;
  f.lazyfree = 1;
  mm.counters().add(VmEvent::pglazyfree, f.order().pages().raw());
}

// True when the entry was dealt with as a whole.
bool free_huge(AddressSpace& mm, Entry& pmd, bool whole) {
  const Pfn head = Native::pfn(pmd);
  if (head == mm.system().huge_zero.head || mm.folios().maybe_mapped_shared(head)) return true;
  if (!whole) return !split_folio(mm.system(), head);
  mm.memory().frame(head).dirty = 0;
  pmd = Native::make_clean(Native::make_old(pmd));
  mark_lazyfree(mm, head, 1);
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
  if (f.dirty != 0) {
    if (folios.mapcount(head) != n) return n;  // others would see it go
    f.dirty = 0;
  }
  mm.tables().clear_young_dirty_ptes(pte, n, pagetable::Clear::kYoungAndDirty);
  mark_lazyfree(mm, head, n);
  return n;
}

void free_ptes(AddressSpace& mm, Entry pmd, VirtRange range) {
  Entry* pte = mm.tables().pte(pmd, range.begin);
  Entry* const end = pte + pages_between(range.begin, range.end).raw();
  while (pte != end) {
    if (!Native::is_present(*pte) || Native::is_special(*pte)) {
      ++pte;
    } else {
      pte += free_run(mm, pte, static_cast<std::uint32_t>(end - pte));
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
