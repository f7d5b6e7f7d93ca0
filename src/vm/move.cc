#include "vm/move.h"

#include "vm/huge_pmd.h"

namespace quire::vm {
namespace {

// The longest step from `from` that crosses no 2 MiB boundary on either side.
ByteCount step_from(VirtAddr from, VirtAddr to, VirtAddr end) {
  const ByteCount in_source = (from + ByteCount(1)).align_up(kOrderPmd) - from;
  const ByteCount in_target = (to + ByteCount(1)).align_up(kOrderPmd) - to;
  return std::min({in_source, in_target, end - from});
}

// What the architecture maps by the block moves by the block.
void move_ptes(AddressSpace& mm, Entry* from, Entry* to, std::uint32_t pages) {
  std::uint32_t n = 1;
  for (std::uint32_t i = 0; i < pages; i += n) {
    n = 1;
    if (Native::is_none(from[i])) continue;
    n = std::min(pagetable::PageTable::batch_hint(from + i), pages - i);
    const Entry e = mm.tables().ptep_get(from + i);
    mm.tables().clear_ptes(from + i, n);
    mm.tables().set_ptes(to + i, e, n);
  }
}

Result<void, Errno> move_step(AddressSpace& mm, Vma& source, VirtAddr from, VirtAddr to, ByteCount step) {
  Entry* from_pmd = mm.tables().find_pmd(from);
  if (from_pmd == nullptr || Native::is_none(*from_pmd)) return {};
  Entry* const to_pmd = mm.tables().alloc_pmd(to);
  if (to_pmd == nullptr) return fail(Errno::kNoMem);
  const bool whole = step.raw() == kPmdSize;
  if (whole && Native::is_none(*to_pmd)) {
    mm.tables().move_pmd(*from_pmd, *to_pmd);
    return {};
  }
  if (Native::is_leaf(*from_pmd)) split_huge_pmd(mm, source, *from_pmd, from.align_down(kOrderPmd));
  if (Native::is_none(*to_pmd) && !mm.tables().alloc_pte_table(*to_pmd)) return fail(Errno::kNoMem);
  Entry* const old_ptes = mm.tables().pte(*from_pmd, from);
  Entry* const new_ptes = mm.tables().pte(*to_pmd, to);
  move_ptes(mm, old_ptes, new_ptes, static_cast<std::uint32_t>(step.raw() >> kPageShift));
  return {};
}

}  // namespace

Result<void, Errno> move_page_tables(AddressSpace& mm, Vma& source, VirtRange from, VirtAddr to) {
  VirtAddr at = from.begin;
  while (at < from.end) {
    const VirtAddr target = to + (at - from.begin);
    const ByteCount step = step_from(at, target, from.end);
    QUIRE_TRY(move_step(mm, source, at, target, step));
    at += step;
  }
  return {};
}

}  // namespace quire::vm
