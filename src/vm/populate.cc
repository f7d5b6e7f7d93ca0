#include "vm/populate.h"

#include "vm/fault.h"

namespace quire::vm {
namespace {

// One page as get_user_pages sees it: nothing to do, or one fault.
FaultResult fault_in(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind) {
  const Entry* const pmd = mm.tables().find_pmd(addr);
  if (pmd != nullptr && Native::is_present(*pmd)) {
    const Entry e = Native::is_leaf(*pmd) ? *pmd : *mm.tables().pte(*pmd, addr);
    if (Native::is_present(e) && (kind != AccessKind::kWrite || Native::is_writable(e)))
      return FaultResult::kHit;
  }
  return handle_mm_fault(mm, vma, addr, kind);
}

}  // namespace

Populated mm_populate(AddressSpace& mm, VirtRange range) {
  Populated done;
  VirtAddr addr = range.begin;
  while (addr < range.end) {
    Vma* const vma = mm.mappings().find_first_from(addr);
    if (vma == nullptr || vma->begin() >= range.end) return done;
    addr = std::max(addr, vma->begin());
    const VirtAddr end = std::min(vma->end(), range.end);
    const bool skip = vma->flags.has_any(VmFlag::kIo | VmFlag::kPfnMap) || !vma->is_accessible();
    const bool write = vma->flags.has(VmFlag::kWrite) && !vma->is_shared();
    const AccessKind kind = write ? AccessKind::kWrite : AccessKind::kRead;
    for (; addr < end; addr += PageCount(1)) {
      if (skip) continue;
      const FaultResult result = fault_in(mm, *vma, addr, kind);
      if (result == FaultResult::kMinor) ++done.faults;
      if (result == FaultResult::kOom || result == FaultResult::kBus) return done;
    }
  }
  return done;
}

Result<Populated, Errno> faultin_page_range(AddressSpace& mm, VirtRange range, AccessKind kind) {
  Populated done;
  for (VirtAddr addr = range.begin; addr < range.end; addr += PageCount(1)) {
    Vma* const vma = mm.mappings().find(addr);
    if (vma == nullptr) return fail(Errno::kNoMem);
    const VmFlag needed = kind == AccessKind::kWrite ? VmFlag::kWrite : VmFlag::kRead;
    if (vma->is_special() || !vma->flags.has(needed)) return fail(Errno::kInval);
    switch (fault_in(mm, *vma, addr, kind)) {
      case FaultResult::kHit:
        break;
      case FaultResult::kMinor:
        ++done.faults;
        break;
      case FaultResult::kOom:
        return fail(Errno::kNoMem);
      default:
        return fail(Errno::kFault);
    }
  }
  return done;
}

}  // namespace quire::vm
