#include "reclaim/reclaimer.h"

#include <algorithm>

#include "base/check.h"
#include "split/shrinker.h"

namespace quire::reclaim {

using folio::GroupId;
using phys::Effort;
using stats::VmEvent;

namespace {

constexpr unsigned kMaxRetries = 16;  // MAX_RECLAIM_RETRIES, of allocations and of charges

// As large a part of what a shrinker could free as the priority says, in batches. What is too
// little for one is left over for the next time. False of `scan`: more is of no use.
template <typename Scan>
void shrink_slab(std::uint64_t& left_over, std::uint64_t freeable, int priority, Scan scan) {
  constexpr std::uint64_t kBatch = 128;
  constexpr std::uint64_t kSeeks = 2;
  if (freeable == 0) return;
  std::uint64_t left = std::min(left_over + (freeable >> priority) * 4 / kSeeks, 2 * freeable);
  while (left != 0 && (left >= kBatch || left >= freeable)) {
    const std::uint64_t now = std::min(left, kBatch);
    left -= now;
    if (!scan(now)) left = 0;
  }
  left_over = left;
}

}  // namespace

// While it lives allocations belong to reclaim.
class Reclaimer::Working {
 public:
  explicit Working(bool& flag) : flag_(flag) { flag_ = true; }
  ~Working() { flag_ = false; }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;

 private:
  bool& flag_;
};

Reclaimer::Reclaimer(vm::System& system, EachSpace each_space, const Options& options)
    : system_(system),
      options_(options),
      table_(system.memory.total()),
      users_(system, std::move(each_space)),
      lists_(make_lists({table_, system.folios, system.memory, system.counters, users_}, options)) {
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
  shadows_.put(first, system_.folios.order_of(head).pages(), lists_->evicted(head));
}

void Reclaimer::refaulted(Pfn head, SwapEntry first) {
  if (const Shadow shadow = shadows_.take(first); shadow.valid()) lists_->refaulted(head, shadow);
}

void Reclaimer::deactivate(Pfn head) { lists_->deactivate(head); }

void Reclaimer::lazyfree(Pfn head) {
  if (!table_.on_list(head)) return;
  folio::LruSlot& slot = table_.slot(head);
  const PageCount pages = system_.folios.order_of(head).pages();
  lists_->remove(head, pages);
  slot.active = 0;
  slot.referenced = 0;
  lists_->add(head);
}

// --- A walk over everything ---

void Reclaimer::shrink_groups(ScanControl& sc) {
  const std::uint64_t before = sc.nr_reclaimed;
  const std::uint16_t n = groups_.count();
  // An allocation stops when it has enough; the next goes on from there.
  const bool partial = sc.who == Reclaimant::kDirect;
  const std::uint16_t first = partial ? next_group_ : std::uint16_t{0};
  for (std::uint16_t i = 0; i < n; ++i) {
    const GroupId group(static_cast<std::uint16_t>((first + i) % n));
    if (!groups_.is_below(group, sc.target)) continue;
    lists_->shrink(group, sc);
    if (!partial || sc.nr_reclaimed - before < sc.nr_to_reclaim) continue;
    next_group_ = static_cast<std::uint16_t>((group.raw() + 1U) % n);
    break;
  }
  shrink_queue(sc);
  shrink_zswap(sc);
}

void Reclaimer::shrink_queue(const ScanControl& sc) {
  shrink_slab(queue_left_over_, system_.folios.deferred().size(), sc.priority, [this](std::uint64_t n) {
    (void)split::deferred_split_scan(system_, n);
    return !system_.folios.deferred().empty();
  });
}

void Reclaimer::shrink_zswap(const ScanControl& sc) {
  if (!system_.zswap) return;
  shrink_slab(zswap_left_over_, system_.zswap->shrinker_count(), sc.priority,
              [this](std::uint64_t n) { return system_.zswap->shrinker_scan(n) != 0; });
}

// Large orders want more than they need, so that what is free may lie together.
bool Reclaimer::should_continue(const ScanControl& sc, std::uint64_t reclaimed) const {
  const bool large = sc.order != kOrder0 && (sc.order > kCostlyOrder || sc.priority < kDefPriority - 2);
  if (!large || reclaimed == 0) return false;
  const std::uint64_t gap = 2 * sc.order.pages().raw();  // compact_gap
  if (system_.memory.any_zone_above(phys::Mark::kMin, sc.order)) return false;
  return sc.nr_reclaimed < gap && reclaimable().raw() > gap;
}

void Reclaimer::shrink_node(ScanControl& sc) {
  lists_->prepare(sc);
  for (;;) {
    const std::uint64_t before = sc.nr_reclaimed;
    shrink_groups(sc);
    if (!should_continue(sc, sc.nr_reclaimed - before)) break;
  }
  if (sc.nr_reclaimed != 0) kswapd_failures_ = 0;
}

void Reclaimer::try_to_free_pages(ScanControl& sc) {
  const Working working(reclaiming_);
  sc.swappiness = options_.swappiness;
  for (sc.priority = kDefPriority; sc.priority >= 0; --sc.priority) {
    shrink_node(sc);
    if (sc.nr_reclaimed >= sc.nr_to_reclaim) return;
  }
  // Nothing at all, but active folios were spared: not this time.
  if (sc.nr_reclaimed != 0 || !sc.skipped_deactivate) return;
  for (sc.priority = kDefPriority; sc.priority >= 0; --sc.priority) {
    sc.may_deactivate = true;
    shrink_groups(sc);
    if (sc.nr_reclaimed >= sc.nr_to_reclaim) return;
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
  const Working working(reclaiming_);
  balance(order);
  fill_pool();
}

void Reclaimer::balance(Order order) {
  system_.counters.add(VmEvent::pageoutrun);
  ScanControl sc{.who = Reclaimant::kKswapd, .order = order};
  sc.swappiness = options_.swappiness;
  sc.nr_to_reclaim = 0;
  for (const phys::Zone& zone : system_.memory.zones())
    sc.nr_to_reclaim += std::max(zone.watermarks().high.raw(), kSwapClusterMax);
  while (sc.priority >= 1) {
    if (system_.memory.any_zone_above(phys::Mark::kHigh, sc.order)) return;
    for (std::uint16_t g = 0; g < groups_.count(); ++g) lists_->age(GroupId(g), sc);
    const std::uint64_t scanned = sc.nr_scanned;
    const std::uint64_t reclaimed = sc.nr_reclaimed;
    shrink_node(sc);
    // Enough for the order to come together some day: from now on any page will do.
    if (sc.order != kOrder0 && sc.nr_reclaimed >= 2 * sc.order.pages().raw()) sc.order = kOrder0;
    if (sc.nr_scanned - scanned < sc.nr_to_reclaim || sc.nr_reclaimed == reclaimed) --sc.priority;
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

bool Reclaimer::charge(vm::AddressSpace& mm, Pfn head, Effort effort) {
  if (mm.group == folio::kRootGroup) return true;
  const Order order = system_.folios.order_of(head);
  unsigned retries = kMaxRetries;
  while (const auto over = groups_.try_charge(mm.group, order.pages()))
    if (!make_room(*over, order, effort, retries)) return false;
  table_.slot(head).group = mm.group.raw();
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
