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

void ClassicLru::deactivate(Pfn head) {
  LruSlot& s = slot(head);
  if (s.list == 0 || frame(head).mlocked != 0) return;
  if (s.active != 0) context_.counters.add(VmEvent::pgdeactivate, pages_of(head).raw());
  s.active = 0;
  s.referenced = 0;
  replace(head);
}

PageCount ClassicLru::evictable(GroupId group) const {
  const Lruvec* const v = find(group);
  if (v == nullptr) return PageCount(0);
  PageCount n = v->lists[kClean].pages();
  if (context_.users.can_swap(group)) n += v->lists[kInactive].pages() + v->lists[kActive].pages();
  return n;
}

// The fewer there are in all, the larger the inactive part should be.
bool ClassicLru::inactive_is_low(const Lruvec& v) {
  const std::uint64_t inactive = v.lists[kInactive].pages().raw();
  const std::uint64_t active = v.lists[kActive].pages().raw();
  const std::uint64_t gib = (inactive + active) >> (30 - kPageShift);
  const std::uint64_t ratio =
      gib != 0 ? static_cast<std::uint64_t>(std::sqrt(static_cast<double>(10 * gib))) : 1;
  return inactive * ratio < active;
}

void ClassicLru::prepare(ScanControl& sc) {
  const std::uint64_t activations = context_.counters.get(VmEvent::workingset_activate_anon);
  sc.may_deactivate = activations != activations_seen_ || inactive_is_low(lruvec(sc.target));
  activations_seen_ = activations;
}

ClassicLru::Budget ClassicLru::budget(GroupId group, const ScanControl& sc) {
  const Lruvec& v = lruvec(group);
  Budget of{};
  const std::uint64_t clean = v.lists[kClean].pages().raw();
  const bool anon = sc.swappiness != 0 && context_.users.can_swap(group);
  // Much that costs nothing: that alone.
  const bool clean_only = !anon || (clean >> sc.priority) != 0;
  const bool equal = sc.priority == 0;
  // Shares by swappiness and by what each stock cost lately.
  const std::uint64_t both = v.anon_cost + v.clean_cost;
  const std::uint64_t ap = sc.swappiness * (3 * both + 1) / (both + v.anon_cost + 1);
  const std::uint64_t fp = (200 - sc.swappiness) * (3 * both + 1) / (both + v.clean_cost + 1);
  for (const Name name : {kInactive, kActive, kClean}) {
    const std::uint64_t scan = v.lists[name].pages().raw() >> sc.priority;
    const bool is_clean = name == kClean;
    if (equal && (is_clean || anon)) {
      of[name] = scan;
    } else if (clean_only) {
      of[name] = is_clean ? scan : 0;
    } else if (clean == 0) {
      of[name] = scan;
    } else {
      of[name] = scan * (is_clean ? fp : ap) / std::max<std::uint64_t>(ap + fp, 1);
    }
  }
  return of;
}

void ClassicLru::shrink(GroupId group, ScanControl& sc) {
  Lruvec& v = lruvec(group);
  Budget left = budget(group, sc);
  // The first, mild round of an allocation looks at all it set out to look at.
  const bool all = sc.who == Reclaimant::kDirect && sc.priority == kDefPriority;
  const std::uint64_t target = sc.nr_reclaimed + sc.nr_to_reclaim;
  while (std::ranges::any_of(left, [](std::uint64_t n) { return n != 0; })) {
    for (const Name name : {kInactive, kActive, kClean}) {
      if (left[name] == 0) continue;
      const std::uint64_t now = std::min(left[name], kSwapClusterMax);
      left[name] -= now;
      shrink_list(v, name, now, sc);
    }
    if (sc.nr_reclaimed >= target && !all) break;
  }
  if (context_.users.can_swap(group) && inactive_is_low(v)) shrink_active(v, kSwapClusterMax);
}

void ClassicLru::age(GroupId group, ScanControl& sc) {
  (void)sc;
  Lruvec& v = lruvec(group);
  if (context_.users.can_swap(group) && inactive_is_low(v)) shrink_active(v, kSwapClusterMax);
}

void ClassicLru::shrink_list(Lruvec& v, Name name, std::uint64_t pages, ScanControl& sc) {
  if (name != kActive) return shrink_inactive(v, name, pages, sc);
  if (sc.may_deactivate) {
    shrink_active(v, pages);
  } else {
    sc.skipped_deactivate = true;
  }
}

Reference ClassicLru::check_references(Pfn head) {
  context_.counters.add(VmEvent::quire_rmap_walks);
  const std::uint32_t mappings = context_.users.referenced(head);
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

void ClassicLru::note_cost(Lruvec& v, Stock stock, std::uint64_t written, std::uint64_t rotated) {
  (stock == Stock::kAnon ? v.anon_cost : v.clean_cost) += written * kSwapClusterMax + rotated;
  const std::uint64_t size =
      (v.lists[kInactive].pages() + v.lists[kActive].pages() + v.lists[kClean].pages()).raw();
  if (v.anon_cost + v.clean_cost <= size / 4) return;
  v.anon_cost /= 2;
  v.clean_cost /= 2;
}

void ClassicLru::shrink_inactive(Lruvec& v, Name name, std::uint64_t pages, ScanControl& sc) {
  std::uint64_t scanned = 0;
  const std::vector<Pfn> taken = isolate(v.lists[name], pages, scanned);
  if (taken.empty()) return;
  const Stock stock = name == kClean ? Stock::kClean : Stock::kAnon;
  count_scan(sc, stock, scanned, taken.size());
  const Shrunk shrunk = context_.users.shrink(taken, [this](Pfn head) { return check_references(head); });
  std::uint64_t activated = 0;
  for (const Pfn head : shrunk.keep) put_back(head);
  for (const Pfn head : shrunk.activate) {
    slot(head).active = 1;
    activated += pages_of(head).raw();
    put_back(head);
  }
  context_.counters.add(VmEvent::pgactivate, activated);
  v.nonresident_age += activated;
  count_steal(sc, stock, shrunk.reclaimed);
  note_cost(v, stock, stock == Stock::kAnon ? shrunk.reclaimed : 0,
            scanned - std::min(scanned, shrunk.reclaimed));
  sc.nr_scanned += scanned;
  sc.nr_reclaimed += shrunk.reclaimed;
}

// The oldest of the active ones go back to the inactive ones, used or not: there a use
// will tell. Their accessed bits are cleared on the way.
void ClassicLru::shrink_active(Lruvec& v, std::uint64_t pages) {
  std::uint64_t scanned = 0;
  const std::vector<Pfn> taken = isolate(v.lists[kActive], pages, scanned);
  context_.counters.add(VmEvent::pgrefill, scanned);
  context_.counters.add(VmEvent::quire_scanned_folios, taken.size());
  context_.counters.add(VmEvent::quire_rmap_walks, taken.size());
  context_.counters.add(VmEvent::pgdeactivate, scanned);
  for (const Pfn head : taken) {
    (void)context_.users.referenced(head);
    slot(head).active = 0;
    slot(head).workingset = 1;
    put_back(head);
  }
}

Shadow ClassicLru::evicted(Pfn head) {
  Lruvec& v = lruvec(group_of(head));
  const Shadow shadow(v.nonresident_age, group_of(head), slot(head).workingset != 0);
  v.nonresident_age += pages_of(head).raw();
  return shadow;
}

// A folio that would still be here if the active ones had given way was evicted too early.
void ClassicLru::refaulted(Pfn head, Shadow shadow) {
  const std::uint64_t pages = pages_of(head).raw();
  context_.counters.add(VmEvent::workingset_refault_anon, pages);
  Lruvec& went_from = lruvec(shadow.group());
  const std::uint64_t distance = (went_from.nonresident_age - shadow.token()) & ((1ULL << 46) - 1);
  std::uint64_t active = went_from.lists[kClean].pages().raw();
  if (context_.users.can_swap(shadow.group())) active += went_from.lists[kActive].pages().raw();
  if (distance > active) return;
  Lruvec& v = lruvec(group_of(head));
  slot(head).active = 1;
  v.nonresident_age += pages;
  context_.counters.add(VmEvent::workingset_activate_anon, pages);
  if (!shadow.workingset()) return;
  slot(head).workingset = 1;
  note_cost(v, Stock::kAnon, pages, 0);
  context_.counters.add(VmEvent::workingset_restore_anon, pages);
}

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
