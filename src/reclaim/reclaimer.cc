#include "reclaim/reclaimer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "split/shrinker.h"

namespace quire::reclaim {

using folio::GroupId;
using phys::Effort;
using stats::VmEvent;

namespace {

constexpr unsigned kMaxRetries = 16;  // MAX_RECLAIM_RETRIES, of allocations and of charges

// As large a part of what a shrinker could free as the priority says, in batches, and of what it was
// told before. What is too little for a batch is put off. False of `scan`: more is of no use.
template <typename Scan>
void shrink_slab(std::uint64_t& deferred, std::uint64_t freeable, int priority, Scan scan) {
  constexpr std::uint64_t kBatch = 128;
  constexpr std::uint64_t kSeeks = 2;
  if (freeable == 0) return;
  const std::uint64_t delta = (freeable >> priority) * 4 / kSeeks;
  const std::uint64_t put_off = std::exchange(deferred, 0);
  std::uint64_t left = std::min((put_off >> priority) + delta, 2 * freeable);
  std::uint64_t scanned = 0;
  while (left >= kBatch || left >= freeable) {
    const std::uint64_t now = std::min(left, kBatch);
    if (!scan(now)) break;
    left -= now;
    scanned += now;
  }
  deferred = std::min(put_off + delta - std::min(put_off + delta, scanned), 2 * freeable);
}

}  // namespace

// While it lives allocations belong to reclaim, for want of memory in a group.
class Reclaimer::Working {
 public:
  Working(Reclaimer& reclaimer, GroupId target) : reclaimer_(reclaimer) {
    reclaimer_.reclaiming_ = true;
    reclaimer_.target_ = target;
  }
  ~Working() {
    reclaimer_.reclaiming_ = false;
    reclaimer_.target_ = folio::kRootGroup;
  }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;

 private:
  Reclaimer& reclaimer_;
};

Reclaimer::Reclaimer(vm::System& system, EachSpace each_space, const Options& options)
    : system_(system),
      options_(options),
      table_(system.memory.total()),
      users_(system, std::move(each_space), groups_),
      lists_(make_lists({table_, system.folios, system.memory, system.counters, users_, groups_}, options)) {
  ByteCount min_free = options.min_free.value_or(phys::default_min_free(system.memory.total()));
  if (!options.min_free && policy::khugepaged_enabled(system.settings, system.masks))
    min_free = std::max(min_free, phys::recommended_min_free(system.memory.zones()));
  system.folios.keep_lists(this);
  system.memory.keep_watermarks(*this,
                                {.min_free = min_free, .scale_factor = options.watermark_scale_factor});
  system.reclaim = this;
  if (options.pool_blocks == 0) return;
  system.memory.keep_pool(options.large, options.pool_blocks);
  system.memory.refill_pool();
}

Reclaimer::~Reclaimer() {
  system_.folios.keep_lists(nullptr);
  system_.memory.stop_watermarks();
  system_.reclaim = nullptr;
}

// --- What folios say ---

void Reclaimer::added(Pfn head) {
  if (!table_.on_list(head)) lists_->add_new(head);
}

void Reclaimer::freed(Pfn head, Order order) {
  folio::LruSlot& slot = table_.slot(head);
  if (slot.list != 0) lists_->remove(head, order.pages());
  if (slot.group != folio::kRootGroup.raw()) groups_.uncharge(GroupId(slot.group), order.pages());
  slot = {};
}

void Reclaimer::split(Pfn head, std::span<const Order> pieces) { lists_->split(head, pieces); }

void Reclaimer::mlock_changed(Pfn head) {
  if (table_.on_list(head)) lists_->replace(head);
}

void Reclaimer::evicted(Pfn head, SwapEntry first) {
  const PageCount pages = system_.folios.order_of(head).pages();
  shadows_.put(first, pages, lists_->evicted(head, target_));
  swap_groups_.put(first, pages, GroupId(table_.slot(head).group));
}

void Reclaimer::refaulted(Pfn head, SwapEntry first) {
  if (const Shadow shadow = shadows_.take(first); shadow.valid()) lists_->refaulted(head, shadow);
}

void Reclaimer::deactivate(Pfn head) { lists_->deactivate(head); }

void Reclaimer::lazyfree(Pfn head) {
  if (!table_.on_list(head)) return;
  isolate(head);
  lists_->add(head);
}

void Reclaimer::isolate(Pfn head) {
  if (!table_.on_list(head)) return;
  lists_->remove(head, system_.folios.order_of(head).pages());
  lists_->forget_use(head);
}

void Reclaimer::put_back(Pfn head, bool activate) {
  if (table_.on_list(head)) return;
  if (activate) {
    table_.slot(head).active = 1;
    system_.counters.add(VmEvent::pgactivate, system_.folios.order_of(head).pages().raw());
  }
  lists_->add(head);
}

// --- A walk over everything ---

bool Reclaimer::shrink_groups_from(std::uint16_t first, ScanControl& sc) {
  // Who allocates stops when there is enough; the next goes on from there.
  const bool partial = sc.may_stop_early();
  bool any = false;
  for (std::uint16_t n = first; n < groups_.count(); ++n) {
    const GroupId group(n);
    if (!groups_.is_below(group, sc.target)) continue;
    any = true;
    lists_->shrink(group, sc);
    shrink_slabs(group, sc);
    if (!partial || sc.nr_reclaimed < sc.nr_to_reclaim) continue;
    groups_.at(sc.target).walk_from = static_cast<std::uint16_t>(n + 1U);
    return true;
  }
  if (partial) groups_.at(sc.target).walk_from = 0;
  return any;
}

void Reclaimer::shrink_groups(ScanControl& sc) {
  if (!sc.may_stop_early() || !shrink_groups_from(groups_.at(sc.target).walk_from, sc))
    shrink_groups_from(0, sc);
}

void Reclaimer::shrink_slabs(GroupId group, const ScanControl& sc) {
  shrink_queue(group, sc);
  if (group == sc.target) shrink_zswap(sc);
  // No group has a part of the pools: a group's own shortage leaves them alone.
  if (group == folio::kRootGroup) shrink_pools(sc);
}

void Reclaimer::shrink_queue(GroupId group, const ScanControl& sc) {
  const auto& queue = system_.folios.deferred();
  if (queue.empty()) return;
  if (queue_deferred_.size() < groups_.count()) queue_deferred_.resize(groups_.count());
  const auto on_queue = [&](Pfn head) { return table_.slot(head).group == group.raw(); };
  const auto length = [&] {
    if (groups_.count() == 1) return queue.size();
    return static_cast<std::size_t>(
        std::ranges::count_if(queue, [&](const folio::LargeFolio& f) { return on_queue(f.head); }));
  };
  shrink_slab(queue_deferred_[group.raw()], length(), sc.priority, [&](std::uint64_t n) {
    return split::deferred_split_scan(system_, n, on_queue) != 0 || length() != 0;
  });
}

void Reclaimer::shrink_zswap(const ScanControl& sc) {
  if (!system_.zswap) return;
  shrink_slab(zswap_deferred_, system_.zswap->shrinker_count(), sc.priority,
              [this](std::uint64_t n) { return system_.zswap->shrinker_scan(n) != 0; });
}

// However much is asked for, all pools are compacted (zs_shrinker_scan).
void Reclaimer::shrink_pools(const ScanControl& sc) {
  shrink_slab(pools_deferred_, system_.compactable_pages().raw(), sc.priority,
              [this](std::uint64_t) { return system_.compact_pools() != PageCount(); });
}

// Large orders want more than they need, so that what is free may lie together.
bool Reclaimer::should_continue(const ScanControl& sc, std::uint64_t reclaimed) const {
  const bool large = sc.order != kOrder0 && (sc.order > kCostlyOrder || sc.priority < kDefPriority - 2);
  if (!large || reclaimed == 0) return false;
  const std::uint64_t gap = 2 * sc.order.pages().raw();  // compact_gap
  if (system_.memory.any_zone_above(phys::Mark::kMin, sc.order)) return false;
  return sc.nr_reclaimed < gap && reclaimable().raw() > gap;
}

void Reclaimer::look_at_zones(ScanControl& sc) const {
  constexpr PageCount kSomeMore(64);  // MIN_LRU_BATCH
  sc.free = sc.high = PageCount();
  sc.zones_safe = true;
  for (const phys::Zone& zone : system_.memory.zones()) {
    sc.free += zone.free_pages();
    sc.high += zone.watermarks().high;
    sc.zones_safe = sc.zones_safe && zone.free_pages() > zone.watermarks().high + kSomeMore;
  }
}

void Reclaimer::shrink_node(ScanControl& sc) {
  const std::uint64_t at_first = sc.nr_reclaimed;
  sc.nr_before = sc.who == Reclaimant::kKswapd ? at_first : 0;
  std::uint64_t before = 0;
  do {
    before = sc.nr_reclaimed;
    look_at_zones(sc);
    lists_->prepare(sc);
    shrink_groups(sc);
  } while (lists_->walks_again(sc) && should_continue(sc, sc.nr_reclaimed - before));
  if (sc.nr_reclaimed != at_first) {
    kswapd_failures_ = 0;
  } else if (sc.clean_first) {
    sc.clean_first_failed = true;
  }
}

// In vain at first it goes over all groups, then over active folios too.
void Reclaimer::try_to_free_pages(ScanControl& sc) {
  const Working working(*this, sc.target);
  sc.swappiness = options_.swappiness;
  for (;;) {
    for (sc.priority = kDefPriority; sc.priority >= 0; --sc.priority) {
      shrink_node(sc);
      if (sc.nr_reclaimed >= sc.nr_to_reclaim) break;
    }
    lists_->tried(sc.target);
    if (sc.nr_reclaimed != 0) return;
    if (!sc.full_walk) {
      sc.full_walk = true;
    } else if (sc.skipped_deactivate) {
      sc.force_deactivate = true;
      sc.skipped_deactivate = false;
    } else {
      return;
    }
  }
}

// --- kswapd ---

void Reclaimer::wake_kswapd(Order order) {
  if (options_.kswapd == Kswapd::kNever || kswapd_failures_ >= kMaxRetries) return;
  kswapd_woken_ = std::max(kswapd_woken_.value_or(kOrder0), order);
}

void Reclaimer::run_kswapd() {
  if (!kswapd_woken_ || reclaiming_) return;
  const Order order = *kswapd_woken_;
  kswapd_woken_.reset();
  const Working working(*this, folio::kRootGroup);
  balance(order);
  lists_->tried(folio::kRootGroup);
  fill_pool();
}

void Reclaimer::balance(Order order) {
  system_.counters.add(VmEvent::pageoutrun);
  ScanControl sc{.who = Reclaimant::kKswapd, .order = order};
  sc.swappiness = options_.swappiness;
  sc.nr_to_reclaim = 0;
  for (const phys::Zone& zone : system_.memory.zones())
    sc.nr_to_reclaim += std::max(zone.watermarks().high.raw(), kSwapClusterMax);
  for (;;) {
    for (sc.priority = kDefPriority; sc.priority >= 1;) {
      if (system_.memory.any_zone_above(phys::Mark::kHigh, sc.order)) return;
      lists_->age();
      const std::uint64_t scanned = sc.nr_scanned;
      const std::uint64_t reclaimed = sc.nr_reclaimed;
      shrink_node(sc);
      // Enough for the order to come together some day: from now on any page will do.
      if (sc.order != kOrder0 && sc.nr_reclaimed >= 2 * sc.order.pages().raw()) sc.order = kOrder0;
      if (sc.nr_scanned - scanned < sc.nr_to_reclaim || sc.nr_reclaimed == reclaimed) --sc.priority;
    }
    if (sc.nr_reclaimed != 0 || sc.no_clean_first || !sc.clean_first_failed) break;
    sc.no_clean_first = true;  // these alone gave nothing
  }
  if (sc.nr_reclaimed == 0) ++kswapd_failures_;
}

// What the pool lacks is taken from large folios.
void Reclaimer::fill_pool() {
  const phys::BlockPool& pool = system_.memory.pool();
  if (pool.full()) return;
  system_.memory.refill_pool();
  if (pool.full()) return;
  ScanControl sc{.who = Reclaimant::kKswapd, .order = pool.order()};
  sc.swappiness = options_.swappiness;
  sc.nr_to_reclaim = (pool.target() - pool.blocks().size()) * pool.order().pages().raw();
  for (; sc.priority >= kDefPriority / 2 && !pool.full(); --sc.priority) {
    look_at_zones(sc);
    lists_->prepare(sc);
    shrink_groups(sc);
  }
}

// --- Allocations ---

std::uint64_t Reclaimer::direct_reclaim(Order order, phys::MigrateType type) {
  system_.counters.add(type == phys::MigrateType::kMovable ? VmEvent::allocstall_movable
                                                           : VmEvent::allocstall_normal);
  ScanControl sc{.who = Reclaimant::kDirect, .order = order};
  try_to_free_pages(sc);
  return sc.nr_reclaimed;
}

PageCount Reclaimer::reclaimable() const {
  PageCount n;
  for (std::uint16_t g = 0; g < groups_.count(); ++g) n += lists_->evictable(GroupId(g));
  return n;
}

bool Reclaimer::out_of_memory(Order order) {
  return reclaim::out_of_memory(system_, users_.each_space(), groups_,
                                {.order = order, .limit = system_.memory.total() + system_.swap.total()});
}

// --- Groups ---

bool Reclaimer::charge(GroupId group, Pfn head, Effort effort) {
  if (group == folio::kRootGroup) return true;
  const Order order = system_.folios.order_of(head);
  unsigned retries = kMaxRetries;
  while (const auto over = groups_.try_charge(group, order.pages()))
    if (!make_room(*over, order, effort, retries)) return false;
  table_.slot(head).group = group.raw();
  return true;
}

// Takes memory from the group at its limit. True: worth trying again.
bool Reclaimer::make_room(GroupId over, Order order, Effort effort, unsigned& retries) {
  MemCgroup& group = groups_.at(over);
  ++group.events.max;
  if (effort == Effort::kNone || effort == Effort::kWakeKswapd) return false;
  const std::uint64_t freed = reclaim(over, order.pages());
  if (group.current + order.pages() <= group.max) return true;
  if (effort == Effort::kDirectNoRetry) return false;
  if (freed != 0 && order <= kCostlyOrder) return true;
  if (retries != 0) {
    --retries;
    return true;
  }
  if (order > kCostlyOrder || !group_out_of_memory(over, order)) return false;
  retries = kMaxRetries;
  return true;
}

bool Reclaimer::group_out_of_memory(GroupId over, Order order) {
  MemCgroup& group = groups_.at(over);
  ++group.events.oom;
  return reclaim::out_of_memory(system_, users_.each_space(), groups_,
                                {.group = over, .order = order, .limit = group.max + system_.swap.total()});
}

std::uint64_t Reclaimer::reclaim(GroupId group, PageCount pages) {
  if (reclaiming_) return 0;
  ScanControl sc{.who = group == folio::kRootGroup ? Reclaimant::kDirect : Reclaimant::kGroup,
                 .target = group};
  sc.nr_to_reclaim = std::max(pages.raw(), kSwapClusterMax);
  try_to_free_pages(sc);
  return sc.nr_reclaimed;
}

void Reclaimer::set_max(GroupId group, PageCount max) {
  MemCgroup& g = groups_.at(group);
  g.max = max;
  for (unsigned fruitless = 0; g.current > g.max && fruitless < kMaxRetries;)
    if (reclaim(group, g.current - g.max) == 0) ++fruitless;
}

void Reclaimer::set_high(GroupId group, PageCount high) {
  MemCgroup& g = groups_.at(group);
  g.high = high;
  for (unsigned fruitless = 0; g.current > g.high && fruitless < kMaxRetries;)
    if (reclaim(group, g.current - g.high) == 0) ++fruitless;
}

void Reclaimer::before_fault(vm::AddressSpace& mm) {
  if (kswapd_woken_) run_kswapd();
  const auto over = groups_.over_high(mm.group);
  if (!over) return;
  MemCgroup& g = groups_.at(*over);
  ++g.events.high;
  reclaim(*over, g.current - g.high);
}

// --- Invariants ---

void Reclaimer::check_invariants(base::InvariantReport& out) const {
  lists_->check_invariants(out);
  std::vector<std::uint64_t> pages(groups_.count());
  for (const phys::Zone& zone : system_.memory.zones()) {
    for (Pfn pfn = zone.begin(); pfn < zone.touched_end(); pfn = pfn + PageCount(1)) {
      const std::uint16_t group = table_.slot(pfn).group;
      if (group == folio::kRootGroup.raw() || system_.folios.head_of(pfn) != pfn) continue;
      for (std::optional<GroupId> g{GroupId(group)}; g; g = groups_.at(*g).parent)
        pages[g->raw()] += system_.folios.order_of(pfn).pages().raw();
    }
  }
  for (std::uint16_t g = 0; g < groups_.count(); ++g)
    if (pages[g] != groups_.at(GroupId(g)).current.raw())
      out.broken("I-MEMCG-1", "group {}: folios of {} pages, it counts {}", groups_.at(GroupId(g)).name,
                 pages[g], groups_.at(GroupId(g)).current.raw());
}

}  // namespace quire::reclaim
