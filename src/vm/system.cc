#include "vm/system.h"

#include "base/check.h"
#include "policy/policy.h"
#include "vm/swap_cache.h"

namespace quire::vm {

System::System(phys::PhysMemory ram)
    : memory(std::move(ram)), folios(memory, counters), swap(memory, counters), page_cache(memory, folios) {
  set_settings(settings);
  swap.set_cache_dropper([this](Pfn head, Order /*order*/) { return drop_from_cache(*this, head); });
  if (pagetable::TableCheck::kOnInThisBuild) check_tables();
  const auto zero = memory.allocate(kOrder0);
  QUIRE_CHECK_MSG(zero.has_value(), "a machine without a single free frame");
  memory.frame(*zero).set_kind(phys::FrameKind::kReserved);
  memory.frame(*zero).refcount = 1;
  memory.zero(*zero, kOrder0);
  if (memory.tags() != nullptr) memory.tags()->tag(*zero, PageCount(1));
  zero_page = *zero;
}

void System::prepare_policy() {
  if (policy::k64K == kOrder0) return;  // a page is as large
  if (settings.policy->map_counts == policy::MapCounts::kEntire) folios.count_entire_maps();
  if (settings.policy->zero_pages != policy::ZeroPages::kFolio64K) return;
  constexpr Order kOrder = policy::k64K;
  const auto zero = memory.allocate(kOrder);
  if (!zero) return;  // a machine so small does without
  memory.frame(*zero).set_kind(phys::FrameKind::kReserved);
  memory.frame(*zero).refcount = 1;
  memory.zero(*zero, kOrder);
  // Nobody's use of it is use of memory that a size brought with it.
  for (std::uint64_t i = 0; i < kOrder.pages().raw(); ++i) memory.frame(*zero + PageCount(i)).touched = 1;
  zero_folio = *zero;
}

PageCount System::compactable_pages() const {
  return swap.compactable() + (zswap ? zswap->compactable() : PageCount());
}

// However much is wanted: the kernel's scan of a pool does all of it as well (zs_shrinker_scan).
PageCount System::compact_pools() { return swap.compact() + (zswap ? zswap->compact() : PageCount()); }

void System::note_swap_loss(folio::MmId mm, VirtAddr addr, SwapEntry entry, swap::IoError why) {
  swap_losses.push_back({.mm = mm,
                         .addr = addr.align_down(),
                         .entry = entry,
                         .why = why,
                         .device = std::string(swap.backend(entry.device()).name()),
                         .in_zswap = swap.kept_in_front(entry)});
}

bool split_folio(System& system, Pfn head, const SplitRequest& request) {
  QUIRE_CHECK(system.split != nullptr);
  system.folios.get(head);
  const bool done = system.split->split_folio(head, request).has_value();
  put_folio_and_swap_cache(system, head);
  return done;
}

System::~System() { QUIRE_CHECK_EQ(huge_zero.users, 0U); }

}  // namespace quire::vm
