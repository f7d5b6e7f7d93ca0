#include "vm/guard.h"

#include "vm/zap.h"

namespace quire::vm {
namespace {

enum class Installed : std::uint8_t { kAll, kPagesInTheWay, kNoFrame };

Installed mark(AddressSpace& mm, Entry* first, std::uint64_t pages) {
  for (Entry* e = first; e != first + pages; ++e) {
    if (Native::is_present(*e) || Native::is_swap(*e)) return Installed::kPagesInTheWay;
    mm.tables().set_pte(e, Native::guard());
  }
  return Installed::kAll;
}

// Sets markers from the start on until a page is in the way.
Installed install_markers(AddressSpace& mm, VirtRange range) {
  VirtAddr at = range.begin;
  while (at < range.end) {
    const VirtAddr end = std::min(at.align_down(kOrderPmd) + kOrderPmd.bytes(), range.end);
    Entry* const pmd = mm.tables().alloc_pmd(at);
    if (pmd == nullptr) return Installed::kNoFrame;
    if (Native::is_leaf(*pmd)) return Installed::kPagesInTheWay;
    if (Native::is_none(*pmd) && !mm.tables().alloc_pte_table(*pmd)) return Installed::kNoFrame;
    if (mark(mm, mm.tables().pte(*pmd, at), pages_between(at, end).raw()) != Installed::kAll)
      return Installed::kPagesInTheWay;
    at = end;
  }
  return Installed::kAll;
}

}  // namespace

Result<void, Errno> guard_install(AddressSpace& mm, Vma& vma, VirtRange range) {
  if (vma.flags.has_any(kVmSpecial | VmFlag::kHugeTlb | VmFlag::kLocked)) return fail(Errno::kInval);
  vma.flags |= VmFlag::kMaybeGuard;
  mm.mappings().anon_vma_prepare(vma);  // whatever has a table has one
  // Mostly nothing is in the way. Markers set before something was stay.
  Installed result = install_markers(mm, range);
  if (result == Installed::kPagesInTheWay) {
    zap_range(mm, vma, range, Tables::kKeep, Markers::kKeep);
    result = install_markers(mm, range);
  }
  if (result == Installed::kNoFrame) return fail(Errno::kNoMem);
  return {};
}

Result<void, Errno> guard_remove(AddressSpace& mm, const Vma& vma, VirtRange range) {
  if (vma.flags.has_any(kVmSpecial | VmFlag::kHugeTlb)) return fail(Errno::kInval);
  mm.tables().for_each_pmd(range, [&](VirtAddr block, Entry& pmd) {
    if (Native::is_leaf(pmd)) return;
    const VirtAddr begin = std::max(block, range.begin);
    const VirtAddr end = std::min(block + kOrderPmd.bytes(), range.end);
    Entry* const first = mm.tables().pte(pmd, begin);
    for (Entry* e = first; e != first + pages_between(begin, end).raw(); ++e)
      if (Native::is_guard(*e)) mm.tables().clear_ptes(e, 1);
  });
  return {};
}

}  // namespace quire::vm
