#include "vm/system.h"

#include "base/check.h"

namespace quire::vm {

System::System(phys::PhysMemory ram)
    : memory(std::move(ram)), folios(memory, counters), page_cache(memory, folios) {
  set_settings(settings);
  const auto zero = memory.allocate(kOrder0);
  QUIRE_CHECK_MSG(zero.has_value(), "a machine without a single free frame");
  memory.frame(*zero).set_kind(phys::FrameKind::kReserved);
  memory.frame(*zero).refcount = 1;
  memory.zero(*zero, kOrder0);
  zero_page = *zero;
}

bool split_folio(System& system, Pfn head, const SplitRequest& request) {
  QUIRE_CHECK(system.split != nullptr);
  system.folios.get(head);
  const bool done = system.split->split_folio(head, request).has_value();
  system.folios.put(head);
  return done;
}

System::~System() { QUIRE_CHECK_EQ(huge_zero.users, 0U); }

}  // namespace quire::vm
