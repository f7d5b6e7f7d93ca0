#include "vm/populate.h"

#include "vm/each_mapping.h"
#include "vm/fault.h"

namespace quire::vm {
namespace {

FaultResult populate_one(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind) {
  const FaultResult result = fault_in(mm, vma, addr, kind);
  if (result == FaultResult::kHit && kind == AccessKind::kWrite) touch_written(mm, addr);
  return result;
}

// The pages of `part` of one mapping; ends at the first that cannot be had.
Result<void, Errno> populate_part(AddressSpace& mm, Vma& vma, VirtRange part, Populated& done) {
  if (vma.flags.has_any(VmFlag::kIo | VmFlag::kPfnMap | VmFlag::kLockOnFault)) return {};
  if (!vma.is_accessible()) return fail(Errno::kNoMem);
  const bool write = vma.flags.has(VmFlag::kWrite) && !vma.is_shared();
  const AccessKind kind = write ? AccessKind::kWrite : AccessKind::kRead;
  for (VirtAddr addr = part.begin; addr < part.end; addr += PageCount(1)) {
    const FaultResult result = populate_one(mm, vma, addr, kind);
    if (is_fault(result)) ++done.faults;
    if (result == FaultResult::kOom) return fail(Errno::kAgain);
    if (result == FaultResult::kBus || result == FaultResult::kSegv) return fail(Errno::kNoMem);
  }
  return {};
}

}  // namespace

FaultResult fault_in(AddressSpace& mm, Vma& vma, VirtAddr addr, AccessKind kind) {
  const Entry* const e = mm.tables().peek(addr);
  if (e != nullptr && Native::is_present(*e) && (kind != AccessKind::kWrite || Native::is_writable(*e)))
    return FaultResult::kHit;
  return handle_mm_fault(mm, vma, addr, kind);
}

void touch_written(AddressSpace& mm, VirtAddr addr) {
  Entry* const pmd = mm.tables().peek_pmd(addr);
  if (Native::is_leaf(*pmd)) {
    *pmd = Native::make_dirty(Native::make_young(*pmd));
    return;
  }
  const Entry e = *mm.tables().pte(*pmd, addr);
  const Pfn head = mm.folios().head_of(Native::pfn(e));
  if (!Native::is_dirty(e)) mm.memory().frame(head).dirty = 1;
}

Populated mm_populate(AddressSpace& mm, VirtRange range) {
  Populated done;
  const auto all = each_mapping(mm, range, [&](Vma& vma, VirtRange part) {
    static_cast<void>(populate_part(mm, vma, part, done));  // the next mapping may do better
    return Result<void, Errno>{};
  });
  static_cast<void>(all);
  return done;
}

Result<Populated, Errno> mlock_populate(AddressSpace& mm, VirtRange range) {
  Populated done;
  (void)QUIRE_TRY(
      each_mapping(mm, range, [&](Vma& vma, VirtRange part) { return populate_part(mm, vma, part, done); }));
  return done;
}

Result<Populated, Errno> faultin_page_range(AddressSpace& mm, VirtRange range, AccessKind kind) {
  Populated done;
  for (VirtAddr addr = range.begin; addr < range.end; addr += PageCount(1)) {
    Vma* const vma = mm.mappings().find(addr);
    if (vma == nullptr) return fail(Errno::kNoMem);
    const VmFlag needed = kind == AccessKind::kWrite ? VmFlag::kWrite : VmFlag::kRead;
    if (vma->is_special() || !vma->flags.has(needed)) return fail(Errno::kInval);
    switch (populate_one(mm, *vma, addr, kind)) {
      case FaultResult::kHit:
        break;
      case FaultResult::kMinor:
      case FaultResult::kMajor:
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
