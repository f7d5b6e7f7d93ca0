#include "reclaim/classic_lru.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace quire::reclaim {

using folio::GroupId;
using folio::LruSlot;
using stats::VmEvent;

ClassicLru::Lruvec& ClassicLru::lruvec(GroupId group) {
  if (lruvecs_.size() <= group.raw()) lruvecs_.resize(group.raw() + 1U);
  auto& v = lruvecs_[group.raw()];
  if (!v) v = std::make_unique<Lruvec>();
  return *v;
}

const ClassicLru::Lruvec* ClassicLru::find(GroupId group) const {
  return group.raw() < lruvecs_.size() ? lruvecs_[group.raw()].get() : nullptr;
}

const folio::LruList& ClassicLru::list(GroupId group, Name name) const {
  static const Lruvec kEmpty;
  const Lruvec* const v = find(group);
  return (v != nullptr ? *v : kEmpty).lists[name];
}

ClassicLru::Name ClassicLru::place_of(Pfn head) const {
  if (frame(head).mlocked != 0) return kUnevictable;
  if (stock_of(head) == Stock::kClean) return kClean;
  return slot(head).active != 0 ? kActive : kInactive;
}

void ClassicLru::add(Pfn head) {
  const Name name = place_of(head);
  if (name != kActive) slot(head).active = 0;
  context_.table.push_front(lruvec(group_of(head)).lists[name], number(name), head, pages_of(head));
}

void ClassicLru::remove(Pfn head, PageCount pages) {
  const auto name = static_cast<std::size_t>(slot(head).list - first_);
  context_.table.remove(lruvec(group_of(head)).lists[name], head, pages);
}

void ClassicLru::split(Pfn head, std::span<const Order> pieces) {
  copy_marks(context_.table, head, pieces);
  if (slot(head).list == 0) return;
  split_in_place(lruvec(group_of(head)).lists[static_cast<std::size_t>(slot(head).list - first_)], head,
                 pieces);
}

void ClassicLru::forget_use(Pfn head) {
  LruSlot& s = slot(head);
  if (s.active != 0) s.workingset = 1;
  s.active = 0;
  s.referenced = 0;
}

void ClassicLru::deactivate(Pfn head) {
  LruSlot& s = slot(head);
  s.referenced = 0;
  if (s.list == 0 || frame(head).mlocked != 0 || s.active == 0) return;
  context_.counters.add(VmEvent::pgdeactivate, pages_of(head).raw());
  forget_use(head);
  replace(head);
}

PageCount ClassicLru::evictable(GroupId group) const {
  const Lruvec* const v = find(group);
  if (v == nullptr) return PageCount(0);
  PageCount n = v->lists[kClean].pages();
  if (context_.users.can_swap()) n += v->lists[kInactive].pages() + v->lists[kActive].pages();
  return n;
}

// --- Sums over a group and those below it ---

std::uint64_t ClassicLru::pages_below(GroupId group, Name name) const {
  std::uint64_t pages = 0;
  for (std::size_t g = 0; g < lruvecs_.size(); ++g)
    if (lruvecs_[g] != nullptr && context_.groups.is_below(GroupId(static_cast<std::uint16_t>(g)), group))
      pages += lruvecs_[g]->lists[name].pages().raw();
  return pages;
}

// The fewer there are in all, the larger the inactive part should be.
bool ClassicLru::inactive_is_low(GroupId group) const {
  const std::uint64_t inactive = pages_below(group, kInactive);
  const std::uint64_t active = pages_below(group, kActive);
  const std::uint64_t gib = (inactive + active) >> (30 - kPageShift);
  const std::uint64_t ratio =
      gib != 0 ? static_cast<std::uint64_t>(std::sqrt(static_cast<double>(10 * gib))) : 1;
  return inactive * ratio < active;
}

// A folio has a place in the order of every group that it is below.
void ClassicLru::add_nonresident_age(GroupId group, std::uint64_t pages) {
  context_.groups.upwards(group, [&](GroupId g) { lruvec(g).nonresident_age += pages; });
}

void ClassicLru::note_cost(GroupId group, Stock stock, std::uint64_t written, std::uint64_t rotated) {
  const std::uint64_t cost = written * kSwapClusterMax + rotated;
  if (cost == 0) return;
  context_.groups.upwards(group, [&](GroupId g) {
    Lruvec& v = lruvec(g);
    (stock == Stock::kAnon ? v.anon_cost : v.clean_cost) += cost;
    const std::uint64_t size = pages_below(g, kInactive) + pages_below(g, kActive) + pages_below(g, kClean);
    if (v.anon_cost + v.clean_cost <= size / 4) return;
    v.anon_cost /= 2;
    v.clean_cost /= 2;
  });
}

// --- A call for memory ---

void ClassicLru::prepare(ScanControl& sc) {
  const Lruvec& v = lruvec(sc.target);
  sc.anon_cost = v.anon_cost;
  sc.clean_cost = v.clean_cost;
  sc.may_deactivate = sc.force_deactivate || v.refaults != v.refaults_at_last || inactive_is_low(sc.target);
  const std::uint64_t clean = pages_below(sc.target, kClean);
  // All clean folios are inactive: there is nothing to deactivate among them.
  sc.clean_first = !sc.force_deactivate && (clean >> sc.priority) != 0 && !sc.no_clean_first;
  if (sc.of_group()) return;
  sc.clean_is_tiny = PageCount(pages_below(folio::kRootGroup, kClean)) + sc.free <= sc.high &&
                     !sc.may_deactivate && (pages_below(folio::kRootGroup, kInactive) >> sc.priority) != 0;
}

void ClassicLru::tried(GroupId target) {
  Lruvec& v = lruvec(target);
  v.refaults_at_last = v.refaults;
}

namespace {

enum class Balance : std::uint8_t { kClean, kAnon, kEqual, kShares };

// Which of the stocks is looked at. Short of memory the machine swaps even if it should not.
Balance balance_for(const ScanControl& sc, bool can_swap) {
  if (!can_swap || (sc.of_group() && sc.swappiness == 0)) return Balance::kClean;
  if (sc.priority == 0 && sc.swappiness != 0) return Balance::kEqual;
  if (sc.clean_is_tiny) return Balance::kAnon;
  return sc.clean_first ? Balance::kClean : Balance::kShares;
}

}  // namespace

ClassicLru::Budget ClassicLru::budget(const Lruvec& v, const ScanControl& sc) const {
  const Balance balance = balance_for(sc, context_.users.can_swap());
  // Shares by swappiness and by what each stock cost lately, so that each has a third before that.
  const std::uint64_t both = sc.anon_cost + sc.clean_cost;
  const std::uint64_t ap = sc.swappiness * (3 * both + 1) / (both + sc.anon_cost + 1);
  const std::uint64_t fp = (200 - sc.swappiness) * (3 * both + 1) / (both + sc.clean_cost + 1);
  Budget of{};
  for (const Name name : {kInactive, kActive, kClean}) {
    const std::uint64_t scan = v.lists[name].pages().raw() >> sc.priority;
    switch (balance) {
      case Balance::kEqual:
        of[name] = scan;
        break;
      case Balance::kShares:
        of[name] = scan * (name == kClean ? fp : ap) / (ap + fp);
        break;
      case Balance::kClean:
      case Balance::kAnon:
        of[name] = (balance == Balance::kClean) == (name == kClean) ? scan : 0;
        break;
    }
  }
  return of;
}

// The smaller stock is left; the other is looked at in the same proportion as that was.
void ClassicLru::keep_proportion(Budget& left, const Budget& of) {
  const std::uint64_t clean = left[kClean];
  const std::uint64_t anon = left[kInactive] + left[kActive];
  const auto to_look_at = [&](Name name, std::uint64_t percent) {
    const std::uint64_t looked_at = of[name] - left[name];
    left[name] = of[name] * (100 - percent) / 100;
    left[name] -= std::min(left[name], looked_at);
  };
  if (clean > anon) {
    const std::uint64_t percent = anon * 100 / (of[kInactive] + of[kActive] + 1);
    left[kInactive] = left[kActive] = 0;
    to_look_at(kClean, percent);
  } else {
    const std::uint64_t percent = clean * 100 / (of[kClean] + 1);
    left[kClean] = 0;
    to_look_at(kInactive, percent);
    to_look_at(kActive, percent);
  }
}

void ClassicLru::shrink(GroupId group, ScanControl& sc) {
  const Budget of = budget(lruvec(group), sc);
  Budget left = of;
  // The first, mild round of an allocation looks at all it set out to look at.
  const bool all = sc.who == Reclaimant::kDirect && sc.priority == kDefPriority;
  const std::uint64_t target = sc.nr_reclaimed + sc.nr_to_reclaim;
  bool in_proportion = false;
  while (left[kInactive] != 0 || left[kClean] != 0) {
    for (const Name name : {kInactive, kActive, kClean}) {
      if (left[name] == 0) continue;
      const std::uint64_t now = std::min(left[name], kSwapClusterMax);
      left[name] -= now;
      shrink_list(group, name, now, sc);
    }
    if (sc.nr_reclaimed < target || all || in_proportion) continue;
    if (left[kClean] == 0 || left[kInactive] + left[kActive] == 0) break;
    keep_proportion(left, of);
    in_proportion = true;
  }
  if (context_.users.total_swap().raw() != 0 && inactive_is_low(group))
    shrink_active(group, kSwapClusterMax, sc.target);
}

void ClassicLru::age() {
  if (context_.users.total_swap().raw() == 0 || !inactive_is_low(folio::kRootGroup)) return;
  for (std::size_t g = 0; g < lruvecs_.size(); ++g)
    if (lruvecs_[g] != nullptr)
      shrink_active(GroupId(static_cast<std::uint16_t>(g)), kSwapClusterMax, folio::kRootGroup);
}

void ClassicLru::shrink_list(GroupId group, Name name, std::uint64_t pages, ScanControl& sc) {
  if (name != kActive) return shrink_inactive(group, name, pages, sc);
  if (sc.may_deactivate) {
    shrink_active(group, pages, sc.target);
  } else {
    sc.skipped_deactivate = true;
  }
}

Reference ClassicLru::check_references(Pfn head, GroupId target) {
  context_.counters.add(VmEvent::quire_rmap_walks);
  const std::uint32_t mappings = context_.users.referenced(head, target);
  LruSlot& s = slot(head);
  const bool before = s.referenced != 0;
  s.referenced = mappings != 0;
  if (mappings == 0) return Reference::kReclaim;
  // A second use, or several users: more than a first touch.
  return before || mappings > 1 ? Reference::kActivate : Reference::kKeep;
}

void ClassicLru::put_back(Pfn head) {
  if (slot(head).list == 0) home_->add(head);
  context_.folios.put(head);
}

void ClassicLru::shrink_inactive(GroupId group, Name name, std::uint64_t pages, ScanControl& sc) {
  std::uint64_t scanned = 0;
  const std::vector<Pfn> taken = isolate(lruvec(group).lists[name], pages, scanned);
  if (taken.empty()) return;
  const Stock stock = name == kClean ? Stock::kClean : Stock::kAnon;
  count_scan(sc, stock, scanned, taken.size());
  const Shrunk shrunk =
      context_.users.shrink(taken, [&](Pfn head) { return check_references(head, sc.target); });
  std::uint64_t activated = 0;
  for (const Pfn head : shrunk.keep) put_back(head);
  for (const Pfn head : shrunk.activate) {
    slot(head).active = 1;
    activated += pages_of(head).raw();
    put_back(head);
  }
  context_.counters.add(VmEvent::pgactivate, activated);
  add_nonresident_age(group, activated);
  count_steal(sc, stock, shrunk.reclaimed);
  note_cost(group, stock, stock == Stock::kAnon ? shrunk.reclaimed : 0,
            scanned - std::min(scanned, shrunk.reclaimed));
  sc.nr_scanned += scanned;
  sc.nr_reclaimed += shrunk.reclaimed;
}

// The oldest of the active ones go back to the inactive ones, used or not: there a use
// will tell. Their accessed bits are cleared on the way.
void ClassicLru::shrink_active(GroupId group, std::uint64_t pages, GroupId target) {
  std::uint64_t scanned = 0;
  const std::vector<Pfn> taken = isolate(lruvec(group).lists[kActive], pages, scanned);
  context_.counters.add(VmEvent::pgrefill, scanned);
  context_.counters.add(VmEvent::quire_scanned_folios, taken.size());
  context_.counters.add(VmEvent::quire_rmap_walks, taken.size());
  context_.counters.add(VmEvent::pgdeactivate, scanned);
  for (const Pfn head : taken) {
    (void)context_.users.referenced(head, target);
    slot(head).active = 0;
    slot(head).workingset = 1;
    put_back(head);
  }
}

// --- Refaults ---

Shadow ClassicLru::evicted(Pfn head, GroupId target) {
  const Shadow shadow(lruvec(target).nonresident_age, target, slot(head).workingset != 0);
  add_nonresident_age(target, pages_of(head).raw());
  return shadow;
}

// A folio that would still be here if the active ones had given way was evicted too early.
void ClassicLru::refaulted(Pfn head, Shadow shadow) {
  const std::uint64_t pages = pages_of(head).raw();
  context_.counters.add(VmEvent::workingset_refault_anon, pages);
  const GroupId from = shadow.group();
  const std::uint64_t distance = (lruvec(from).nonresident_age - shadow.token()) & ((1ULL << 46) - 1);
  std::uint64_t active = pages_below(from, kClean);
  if (context_.users.can_swap()) active += pages_below(from, kActive);
  if (distance > active) return;
  const GroupId group = group_of(head);
  slot(head).active = 1;
  add_nonresident_age(group, pages);
  context_.groups.upwards(group, [&](GroupId g) { lruvec(g).refaults += pages; });
  context_.counters.add(VmEvent::workingset_activate_anon, pages);
  if (!shadow.workingset()) return;
  slot(head).workingset = 1;
  note_cost(group, Stock::kAnon, pages, 0);
  context_.counters.add(VmEvent::workingset_restore_anon, pages);
}

// --- Invariants ---

void ClassicLru::check_invariants(base::InvariantReport& out) const {
  for (const auto& v : lruvecs_) {
    if (!v) continue;
    for (std::uint8_t i = 0; i < kLists; ++i) {
      const auto name = static_cast<Name>(i);
      context_.table.check_list(
          v->lists[i], number(name), [this](Pfn head) { return context_.folios.order_of(head); }, out);
      for (Pfn head = v->lists[i].back(); head.valid(); head = context_.table.younger(head)) {
        if ((slot(head).active != 0) != (name == kActive))
          out.broken("I-CLASSIC-1", "folio {} on list {}: its active mark says otherwise", head.raw(), i);
        const Name place = place_of(head);
        // A write since the mark leaves a folio among the clean ones until it is looked at.
        if (place != name && !(name == kClean && place == kInactive))
          out.broken("I-LISTS-1", "folio {} is on list {}, belongs on list {}", head.raw(), i,
                     static_cast<int>(place));
      }
    }
  }
}

}  // namespace quire::reclaim
