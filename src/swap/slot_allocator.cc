#include "swap/slot_allocator.h"

#include <algorithm>

#include "base/check.h"

namespace quire::swap {

namespace {

std::uint32_t clusters_for(PageCount slots) {
  return static_cast<std::uint32_t>((slots.raw() + kClusterSlots - 1) / kClusterSlots);
}

}  // namespace

SlotAllocator::SlotAllocator(const Config& config, SlotPort& port, NextSlots& of_cpu)
    : device_(config.device),
      traits_(config.traits),
      size_(config.slots.raw()),
      port_(port),
      clusters_(clusters_for(config.slots)),
      next_(config.traits.rotational ? of_disk_ : of_cpu) {
  set_up();
}

// The first cluster holds the header and the last one what lies behind the end:
// they are never empty and begin among the nonfull ones of order 0.
void SlotAllocator::set_up() {
  mark_bad(0);
  for (std::uint64_t slot = size_; slot % kClusterSlots != 0; ++slot) mark_bad(slot);
  for (Index i = 0; i < clusters_.size(); ++i)
    clusters_.move(i, clusters_[i].empty() ? ClusterList::kFree : ClusterList::kNonfull);
}

void SlotAllocator::mark_bad(std::uint64_t slot) {
  Cluster& c = clusters_[cluster_of(slot)];
  if (!c.table) c.table = std::make_unique<SlotTable>();
  c.table->set_count(offset(slot), SlotTable::kBad);
  ++c.used;
}

void SlotAllocator::grow() {
  const Index i = clusters_.grow();
  clusters_.move(i, ClusterList::kFree);
  size_ += kClusterSlots;
}

std::optional<std::uint64_t> SlotAllocator::allocate_at(std::uint64_t slot, Order order) {
  const Index i = cluster_of(slot);
  if (!clusters_[i].usable_for(order)) return std::nullopt;
  return scan_cluster(i, clusters_[i].empty() ? start_of(i) : slot, order);
}

// The order of the attempts decides where folios lie, and so what comes back whole.
std::optional<std::uint64_t> SlotAllocator::allocate(Order order) {
  if (order != kOrder0 && !traits_.block_device) return std::nullopt;
  if (traits_.rotational) {
    const std::uint64_t slot = next_.of_order[order.raw()].slot;
    if (slot != 0)
      if (const auto found = allocate_at(slot, order)) return found;
  }
  // A device that wants to know of empty clusters has its writes spread out.
  if (traits_.discards)
    if (const auto found = scan_list(ClusterList::kFree, kOrder0, order, HowFar::kFirst)) return found;
  if (order < kOrderPmd)
    if (const auto found = scan_list(ClusterList::kNonfull, order, order, HowFar::kAll)) return found;
  if (!traits_.discards)
    if (const auto found = scan_list(ClusterList::kFree, kOrder0, order, HowFar::kFirst)) return found;
  if (port_.swap_full()) reclaim_in_full(1);
  // One is enough: order 0 finds room in any, a large folio can do without.
  if (order < kOrderPmd)
    if (const auto found = scan_list(ClusterList::kFrag, order, order, HowFar::kFirst)) return found;
  if (order != kOrder0) return std::nullopt;
  return steal();
}

// A single page takes a slot from clusters that were begun for large folios.
std::optional<std::uint64_t> SlotAllocator::steal() {
  for (unsigned o = 1; o < kSwapOrders; ++o) {
    if (const auto found = scan_list(ClusterList::kFrag, Order(o), kOrder0, HowFar::kAll)) return found;
    if (const auto found = scan_list(ClusterList::kNonfull, Order(o), kOrder0, HowFar::kAll)) return found;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> SlotAllocator::scan_list(ClusterList list, Order of, Order wanted, HowFar far) {
  do {
    const std::optional<Index> i = clusters_.isolate(list, of);
    if (!i) return std::nullopt;
    if (!clusters_[*i].table) clusters_[*i].table = std::make_unique<SlotTable>();
    if (const auto found = scan_cluster(*i, start_of(*i), wanted)) return found;
  } while (far == HowFar::kAll);
  return std::nullopt;
}

// Looks for room in one cluster, puts the cluster where it belongs now, and
// remembers where to go on.
std::optional<std::uint64_t> SlotAllocator::scan_cluster(Index i, std::uint64_t from, Order order) {
  const std::optional<std::uint64_t> found = find_in_cluster(i, from, order);
  const std::uint64_t after = found.value_or(0) + order.pages().raw();
  const std::uint64_t end = std::min(start_of(i) + kClusterSlots, size_);
  const bool more = found && clusters_[i].used < kClusterSlots && after + order.pages().raw() <= end;
  relocate(i);
  next_.of_order[order.raw()] = {device_, more ? after : 0};
  return found;
}

std::optional<std::uint64_t> SlotAllocator::find_in_cluster(Index i, std::uint64_t from, Order order) {
  const Cluster& c = clusters_[i];
  const std::uint64_t pages = order.pages().raw();
  const std::uint64_t end = std::min(start_of(i) + kClusterSlots, size_);
  if (end < pages || !c.has_room(order.pages())) return std::nullopt;
  for (std::uint64_t at = from; at + pages <= end; at += pages) {
    const Range range = look_at(i, at, order.pages());
    if (range == Range::kTaken) continue;
    if (range == Range::kCached) {
      const bool reclaimed = reclaim_range(at, order.pages());
      if (!c.usable_for(order)) return std::nullopt;
      if (c.empty()) at = start_of(i);
      if (!reclaimed) continue;
    }
    if (!writable_) return std::nullopt;
    take(i, at, order);
    return at;
  }
  return std::nullopt;
}

SlotAllocator::Range SlotAllocator::look_at(Index i, std::uint64_t first, PageCount count) const {
  const Cluster& c = clusters_[i];
  if (c.empty()) return Range::kFree;
  Range range = Range::kFree;
  const std::uint32_t begin = offset(first);
  for (std::uint32_t at = begin; at < begin + count.raw(); ++at) {
    if (c.table->free(at)) continue;
    if (!c.table->only_cache(at) || !port_.swap_full()) return Range::kTaken;
    range = Range::kCached;
  }
  return range;
}

// Has the cached folios of a range dropped. Whether the range is free then.
bool SlotAllocator::reclaim_range(std::uint64_t first, PageCount count) {
  const std::uint64_t end = first + count.raw();
  for (std::uint64_t slot = first; slot < end;) {
    const SlotTable* t = table(slot);
    if (t == nullptr || t->free(offset(slot))) {
      ++slot;
      continue;
    }
    if (!t->only_cache(offset(slot))) break;
    const std::int64_t pages = port_.drop_cached(device_, slot);
    if (pages <= 0) break;
    slot += static_cast<std::uint64_t>(pages);
  }
  const SlotTable* t = table(first);
  if (t == nullptr) return true;
  for (std::uint64_t slot = first; slot < end; ++slot)
    if (!t->free(offset(slot))) return false;
  return true;
}

// The first folio of an empty cluster decides for which order it is.
void SlotAllocator::take(Index i, std::uint64_t first, Order order) {
  Cluster& c = clusters_[i];
  QUIRE_CHECK(c.list == ClusterList::kNone || !c.empty());
  if (c.empty()) c.order = order;
  const std::uint32_t begin = offset(first);
  for (std::uint32_t at = begin; at < begin + order.pages().raw(); ++at) c.table->set_cache(at, true);
  c.used = static_cast<std::uint16_t>(c.used + order.pages().raw());
  used_ += order.pages().raw();
  port_.slots_taken(device_, order.pages());
}

// After a look: full, or fragmented until something is freed in it.
void SlotAllocator::relocate(Index i) {
  const Cluster& c = clusters_[i];
  if (c.list == ClusterList::kDiscard) return;
  if (c.empty()) {
    if (c.list != ClusterList::kFree) release(i);
    return;
  }
  const ClusterList where = c.used == kClusterSlots ? ClusterList::kFull : ClusterList::kFrag;
  if (c.list != where) clusters_.move(i, where);
}

void SlotAllocator::release(Index i) {
  clusters_[i].table.reset();
  const bool tell = traits_.discards && writable_;
  clusters_.move(i, tell ? ClusterList::kDiscard : ClusterList::kFree);
}

void SlotAllocator::free(std::uint64_t first, PageCount count) {
  const Index i = cluster_of(first);
  Cluster& c = clusters_[i];
  QUIRE_CHECK(i == cluster_of(first + count.raw() - 1) && c.used >= count.raw());
  for (std::uint32_t at = offset(first); at < offset(first) + count.raw(); ++at) {
    QUIRE_CHECK(c.table->free(at));
    c.table->set_zero(at, false);
  }
  c.used = static_cast<std::uint16_t>(c.used - count.raw());
  used_ -= count.raw();
  if (c.empty())
    release(i);
  else if (c.list != ClusterList::kNonfull)
    clusters_.move(i, ClusterList::kNonfull);
}

void SlotAllocator::reclaim_full_clusters() {
  reclaim_in_full(static_cast<std::int64_t>(used_ / kClusterSlots));
}

// At least one cluster is looked at.
void SlotAllocator::reclaim_in_full(std::int64_t clusters) {
  while (const std::optional<Index> i = clusters_.isolate(ClusterList::kFull)) {
    reclaim_in_cluster(*i);
    if (clusters_[*i].list == ClusterList::kNone) relocate(*i);
    if (--clusters <= 0) break;
  }
}

void SlotAllocator::reclaim_in_cluster(Index i) {
  const std::uint64_t end = std::min(start_of(i) + kClusterSlots, size_);
  for (std::uint64_t slot = start_of(i); slot < end;) {
    const SlotTable* t = clusters_[i].table.get();
    std::int64_t pages = 0;
    if (t != nullptr && t->only_cache(offset(slot))) pages = port_.drop_cached(device_, slot);
    slot += pages == 0 ? 1 : static_cast<std::uint64_t>(pages < 0 ? -pages : pages);
  }
}

std::optional<std::uint64_t> SlotAllocator::discard_one() {
  const std::optional<Index> i = clusters_.isolate(ClusterList::kDiscard);
  if (!i) return std::nullopt;
  clusters_.move(*i, ClusterList::kFree);
  return start_of(*i);
}

std::size_t SlotAllocator::bytes() const {
  std::size_t bytes = clusters_.size() * sizeof(Cluster);
  for (Index i = 0; i < clusters_.size(); ++i)
    if (clusters_[i].table) bytes += clusters_[i].table->bytes();
  return bytes;
}

void SlotAllocator::check_invariants(base::InvariantReport& out) const {
  clusters_.check_invariants(out);
  std::uint64_t used = 0;
  for (Index i = 0; i < clusters_.size(); ++i) {
    const Cluster& c = clusters_[i];
    if (c.empty() == (c.table != nullptr)) out.broken("I-SWAP-5", "cluster {} uses {} slots", i, c.used);
    std::uint32_t taken = 0;
    for (std::uint32_t at = 0; c.table && at < kClusterSlots; ++at) {
      taken += c.table->free(at) ? 0U : 1U;
      used += c.table->free(at) || c.table->count(at) == SlotTable::kBad ? 0U : 1U;
    }
    if (taken != c.used) out.broken("I-SWAP-6", "cluster {} says {} slots, its table {}", i, c.used, taken);
    const bool none = c.list == ClusterList::kFree || c.list == ClusterList::kDiscard;
    if (none != c.empty() || (c.list == ClusterList::kFull) != (c.used == kClusterSlots))
      out.broken("I-SWAP-6", "cluster {} with {} slots is in list {}", i, c.used, static_cast<int>(c.list));
  }
  if (used != used_) out.broken("I-SWAP-4", "{} slots are used, {} counted", used, used_);
}

}  // namespace quire::swap
