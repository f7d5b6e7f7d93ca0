// Allocation where memory is short: marks, the reclaimer, the pool of blocks.
//
// Mirrors: __alloc_pages_slowpath, should_reclaim_retry, __alloc_pages_may_oom of
// mm/page_alloc.c, Linux 6.18. Differs: there is no compaction. What the kernel does
// for large orders after compaction was skipped for want of free pages is done at once.
#include <algorithm>

#include "phys/memory.h"

namespace quire::phys {
namespace {

constexpr Order kCostly{3};  // PAGE_ALLOC_COSTLY_ORDER
constexpr unsigned kMaxReclaimRetries = 16;

}  // namespace

void PhysMemory::keep_watermarks(ReclaimPort& reclaim, const WatermarkOptions& options) {
  set_watermarks(zones_, options);
  reclaim_ = &reclaim;
}

bool PhysMemory::any_zone_above(Mark mark, Order order) const {
  return std::ranges::any_of(zones_, [&](const Zone& zone) { return zone.above(mark, order); });
}

std::optional<Pfn> PhysMemory::allocate_watched(Order order, MigrateType type, Effort effort) {
  if (const auto first = take_block(order, type, Mark::kLow)) return first;
  if (reclaim_->reclaiming()) return take_block(order, type, Mark::kNone);
  if (effort != Effort::kNone) reclaim_->wake_kswapd(order);
  if (const auto first = take_block(order, type, Mark::kMin)) return first;
  const bool direct = effort == Effort::kDirect || (effort == Effort::kDirectNoRetry && order <= kCostly);
  return direct ? reclaim_and_take(order, type, effort) : std::nullopt;
}

std::optional<Pfn> PhysMemory::reclaim_and_take(Order order, MigrateType type, Effort effort) {
  for (unsigned fruitless = 0;;) {
    const std::uint64_t freed = reclaim_->direct_reclaim(order, type);
    if (const auto first = take_block(order, type, Mark::kMin)) return first;
    drain_all();  // what was freed may lie in the per-cpu lists
    if (const auto first = take_block(order, type, Mark::kMin)) return first;
    if (effort == Effort::kDirectNoRetry || order > kCostly) return std::nullopt;
    fruitless = freed != 0 ? 0 : fruitless + 1;
    if (fruitless <= kMaxReclaimRetries && worth_retrying(order)) continue;
    if (release_pool()) continue;
    // Perhaps somebody just gave up a lot: only then is nobody killed.
    if (const auto first = take_block(order, type, Mark::kHigh)) return first;
    if (!reclaim_->out_of_memory(order)) return std::nullopt;
    fruitless = 0;
  }
}

// Whether reclaiming everything there is could help at all.
bool PhysMemory::worth_retrying(Order order) const {
  const std::uint64_t reclaimable = reclaim_->reclaimable().raw();
  if (reclaimable == 0) return false;
  return std::ranges::any_of(zones_, [&](const Zone& zone) {
    const Watermarks& marks = zone.watermarks();
    return zone.free_pages().raw() + reclaimable > (marks.min + marks.reserve + order.pages()).raw();
  });
}

std::optional<Pfn> PhysMemory::take_from_pool() {
  if (pool_.blocks().empty()) return std::nullopt;
  const Pfn first = pool_.serve();
  Frame fresh;
  fresh.set_order(pool_.order());
  fresh.set_kind(FrameKind::kTail);
  std::fill_n(&frame(first), pool_.order().pages().raw(), fresh);
  frame(first).set_kind(FrameKind::kOwned);
  return first;
}

bool PhysMemory::put_into_pool(Pfn first) {
  if (pool_.full()) return false;
  Frame kept;
  kept.set_kind(FrameKind::kPerCpu);
  std::fill_n(&frame(first), pool_.order().pages().raw(), kept);
  pool_.put(first);
  return true;
}

std::uint64_t PhysMemory::refill_pool() {
  std::uint64_t blocks = 0;
  const Mark mark = reclaim_ == nullptr ? Mark::kNone : Mark::kHigh;
  while (!pool_.full()) {
    const auto first = take_block(pool_.order(), MigrateType::kMovable, mark);
    if (!first) break;
    put_into_pool(*first);
    ++blocks;
  }
  return blocks;
}

// All it holds is free for everybody. False: it was empty.
bool PhysMemory::release_pool() {
  if (pool_.blocks().empty()) return false;
  while (!pool_.blocks().empty()) free_to_zone(pool_.pop(), pool_.order());
  return true;
}

}  // namespace quire::phys
