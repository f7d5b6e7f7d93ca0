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

Result<void, Errno> move_step(AddressSpace& mm, Vma& source, VirtAddr from, VirtAddr to, ByteCount step) {
  Entry* from_pmd = mm.tables().find_pmd(from);
  if (from_pmd == nullptr || Native::is_none(*from_pmd)) return {};
  Entry* const to_pmd = mm.tables().alloc_pmd(to);
  if (to_pmd == nullptr) return fail(Errno::kNoMem);
  const bool whole = step.raw() == kPmdSize;
  if (whole && Native::is_none(*to_pmd)) {
    pagetable::PageTable::move_pmd(*from_pmd, *to_pmd);
    return {};
  }
  if (Native::is_leaf(*from_pmd)) split_huge_pmd(mm, source, *from_pmd, from.align_down(kOrderPmd));
  if (Native::is_none(*to_pmd) && !mm.tables().alloc_pte_table(*to_pmd)) return fail(Errno::kNoMem);
  Entry* const old_ptes = mm.tables().pte(*from_pmd, from);
  Entry* const new_ptes = mm.tables().pte(*to_pmd, to);
  for (std::uint64_t i = 0; i < step.raw() >> kPageShift; ++i) {
    if (Native::is_none(old_ptes[i])) continue;
    new_ptes[i] = old_ptes[i];
    old_ptes[i] = Entry{};
  }
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
