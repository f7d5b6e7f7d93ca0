#include "vm/charge.h"

namespace quire::vm {

Result<Pfn, NoFolio> alloc_folio(AddressSpace& mm, Order order, phys::Effort effort) {
  const auto head = mm.folios().allocate(order, effort);
  if (!head) return fail(NoFolio::kMemory);
  ReclaimPort* const reclaim = mm.system().reclaim;
  if (reclaim == nullptr || reclaim->charge(mm, *head, effort)) return *head;
  mm.folios().put(*head);
  return fail(NoFolio::kCharge);
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
