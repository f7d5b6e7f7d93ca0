#include "vm/madvise.h"

#include <optional>

#include "policy/policy.h"
#include "vm/collapse.h"
#include "vm/each_mapping.h"
#include "vm/guard.h"
#include "vm/madvise_cold.h"
#include "vm/madvise_free.h"
#include "vm/swap_in.h"
#include "vm/zap.h"

namespace quire::vm {
namespace {

// The flags advice gives a mapping; nothing when it is not about flags.
Result<std::optional<VmFlags>, Errno> advised_flags(const Vma& vma, Advice advice) {
  const VmFlags f = vma.flags;
  switch (advice) {
    case Advice::kNormal:
      return f.without(VmFlag::kRandRead | VmFlag::kSeqRead);
    case Advice::kSequential:
      return f.without(VmFlag::kRandRead) | VmFlag::kSeqRead;
    case Advice::kRandom:
      return f.without(VmFlag::kSeqRead) | VmFlag::kRandRead;
    case Advice::kDontFork:
      return f | VmFlag::kDontCopy;
    case Advice::kDoFork:
      if (f.has(VmFlag::kIo)) return fail(Errno::kInval);
      return f.without(VmFlag::kDontCopy);
    case Advice::kWipeOnFork:
      if (!vma.is_anonymous() || vma.is_shared()) return fail(Errno::kInval);
      return f | VmFlag::kWipeOnFork;
    case Advice::kKeepOnFork:
      return f.without(VmFlag::kWipeOnFork);
    case Advice::kDontDump:
      return f | VmFlag::kDontDump;
    case Advice::kDoDump:
      if (f.has_any(kVmSpecial)) return fail(Errno::kInval);
      return f.without(VmFlag::kDontDump);
    case Advice::kHugePage:
      return f.without(VmFlag::kNoHugePage) | VmFlag::kHugePage;
    case Advice::kNoHugePage:
      return f.without(VmFlag::kHugePage) | VmFlag::kNoHugePage;
    case Advice::kThpCow:
    case Advice::kNoThpCow:
      if (!vma.mm->system().settings.policy->takes_cow_advice || !vma.is_anonymous())
        return fail(Errno::kInval);
      return advice == Advice::kThpCow ? f | VmFlag::kThpCow : f.without(VmFlag::kThpCow);
    default:
      return std::optional<VmFlags>{};
  }
}

Result<void, Errno> dont_need(AddressSpace& mm, Vma& vma, VirtRange range, Advice advice) {
  VmFlags forbidden = VmFlag::kPfnMap;
  if (advice == Advice::kDontNeed) forbidden |= VmFlag::kLocked;
  if (vma.flags.has_any(forbidden)) return fail(Errno::kInval);
  zap_range(mm, vma, range, Tables::kFreeEmptied, Markers::kKeep);
  return {};
}

Result<void, Errno> cool(AddressSpace& mm, Vma& vma, VirtRange range, ColdAdvice advice) {
  if (vma.flags.has_any(VmFlag::kLocked | VmFlag::kPfnMap | VmFlag::kHugeTlb)) return fail(Errno::kInval);
  madvise_cold_range(mm, range, advice);
  return {};
}

// Advice for the part `range` of `vma`. Returns the mapping that covers it now.
Result<Vma*, Errno> advise_part(AddressSpace& mm, Vma& vma, VirtRange range, Advice advice) {
  switch (advice) {
    case Advice::kDontNeed:
    case Advice::kDontNeedLocked:
      QUIRE_TRY(dont_need(mm, vma, range, advice));
      return &vma;
    case Advice::kFree:
      if (!vma.is_anonymous() || vma.flags.has_any(VmFlag::kPfnMap | VmFlag::kLocked))
        return fail(Errno::kInval);
      madvise_free_range(mm, range);
      return &vma;
    case Advice::kCold:
      QUIRE_TRY(cool(mm, vma, range, ColdAdvice::kCold));
      return &vma;
    case Advice::kPageOut:
      QUIRE_TRY(cool(mm, vma, range, ColdAdvice::kPageOut));
      return &vma;
    case Advice::kCollapse:
      QUIRE_TRY(madvise_collapse(mm, vma, range));
      return &vma;
    case Advice::kGuardInstall:
      QUIRE_TRY(guard_install(mm, vma, range));
      return &vma;
    case Advice::kGuardRemove:
      QUIRE_TRY(guard_remove(mm, vma, range));
      return &vma;
    case Advice::kWillNeed:
      willneed_swapped(mm, range);
      return &vma;
    default:
      break;
  }
  const auto flags = QUIRE_TRY(advised_flags(vma, advice));
  if (!flags) return fail(Errno::kInval);
  if (advice == Advice::kHugePage) mm.system().khugepaged.enter_vma(mm, vma, *flags);
  return mm.modify(vma, range, *flags);
}

bool is_known(Advice advice) {
  const int n = static_cast<int>(advice);
  return (n >= 0 && n <= 4) || (n >= 8 && n <= 25) || n == 102 || n == 103 || advice == Advice::kThpCow ||
         advice == Advice::kNoThpCow;
}

}  // namespace

bool is_modelled(Advice advice) {
  switch (advice) {
    case Advice::kRemove:
    case Advice::kMergeable:
    case Advice::kUnmergeable:
      return false;
    default:
      return is_known(advice);
  }
}

Result<Populated, Errno> madvise(AddressSpace& mm, VirtAddr start, ByteCount length, Advice advice) {
  if (!is_modelled(advice) || !start.aligned()) return fail(Errno::kInval);
  const VirtRange range{start, start + PageCount::covering(length)};
  if (range.end < range.begin || (length.raw() != 0 && range.empty())) return fail(Errno::kInval);
  if (range.empty()) return Populated{};
  if (advice == Advice::kPopulateRead) return faultin_page_range(mm, range, AccessKind::kRead);
  if (advice == Advice::kPopulateWrite) return faultin_page_range(mm, range, AccessKind::kWrite);

  const auto advise = [&](Vma& vma, VirtRange part) -> Result<void, Errno> {
    (void)QUIRE_TRY(advise_part(mm, vma, part, advice));
    return {};
  };
  if (QUIRE_TRY(each_mapping(mm, range, advise)) == Coverage::kHoles) return fail(Errno::kNoMem);
  return Populated{};
}

}  // namespace quire::vm
