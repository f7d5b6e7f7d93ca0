#include "vm/charge.h"

namespace quire::vm {
namespace {

Result<Pfn, NoFolio> alloc_charged(System& system, folio::GroupId group, Order order, phys::Effort effort) {
  const auto head = system.folios.allocate(order, effort);
  if (!head) return fail(NoFolio::kMemory);
  if (system.reclaim == nullptr || system.reclaim->charge(group, *head, effort)) return *head;
  system.folios.put(*head);
  return fail(NoFolio::kCharge);
}

}  // namespace

Result<Pfn, NoFolio> alloc_folio(AddressSpace& mm, Order order, phys::Effort effort) {
  return alloc_charged(mm.system(), mm.group, order, effort);
}

Result<Pfn, NoFolio> alloc_swapped_folio(System& system, SwapEntry entry, Order order, phys::Effort effort) {
  const ReclaimPort* const reclaim = system.reclaim;
  return alloc_charged(system, reclaim == nullptr ? folio::kRootGroup : reclaim->group_of(entry), order,
                       effort);
}

phys::Effort large_folio_effort(const System& system, const Vma& vma) {
  switch (policy::reclaim_effort(system.settings.defrag, hints_of(vma))) {
    case policy::ReclaimEffort::kNone:
      return phys::Effort::kNone;
    case policy::ReclaimEffort::kWakeKswapd:
      return phys::Effort::kWakeKswapd;
    case policy::ReclaimEffort::kDirectNoRetry:
      return phys::Effort::kDirectNoRetry;
    case policy::ReclaimEffort::kDirect:
      return phys::Effort::kDirect;
  }
  return phys::Effort::kNone;
}

}  // namespace quire::vm
