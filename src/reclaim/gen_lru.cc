#include "reclaim/gen_lru.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace quire::reclaim {

using folio::GroupId;
using folio::LruSlot;
using stats::VmEvent;

namespace {

constexpr std::size_t at(Stock stock) { return static_cast<std::size_t>(stock); }
constexpr std::uint64_t gen_of(std::uint64_t seq) { return seq % GenLru::kMaxGens; }
constexpr std::uint64_t kMinBatch = 64;  // MIN_LRU_BATCH

// Folios of the working set are the highest tier; others go by the logarithm of their uses.
constexpr unsigned tier_from(unsigned refs, bool workingset) {
  if (workingset) return GenLru::kTiers - 1;
  return refs <= 1 ? 0 : refs == 2 ? 1 : 2;
}

}  // namespace

GenLru::Lruvec& GenLru::lruvec(GroupId group) {
  if (lruvecs_.size() <= group.raw()) lruvecs_.resize(group.raw() + 1U);
  auto& v = lruvecs_[group.raw()];
  if (!v) v = std::make_unique<Lruvec>();
  return *v;
}

const GenLru::Lruvec* GenLru::find(GroupId group) const {
  return group.raw() < lruvecs_.size() ? lruvecs_[group.raw()].get() : nullptr;
}

folio::LruList& GenLru::list_of(Lruvec& v, std::uint8_t number) const {
  const auto n = static_cast<std::size_t>(number - first_);
  return n == kNumbers - 1U ? v.unevictable : v.lists[n % 2][n / 2];
}

std::uint64_t GenLru::max_seq(GroupId group) const {
  const Lruvec* const v = find(group);
  return v != nullptr ? v->max_seq : Lruvec{}.max_seq;
}

std::uint64_t GenLru::min_seq(GroupId group, Stock stock) const {
  const Lruvec* const v = find(group);
  return v != nullptr ? v->min_seq[at(stock)] : 0;
}

PageCount GenLru::pages_in(GroupId group, std::uint64_t seq, Stock stock) const {
  const Lruvec* const v = find(group);
  return PageCount(v != nullptr ? v->pages[at(stock)][gen_of(seq)] : 0);
}

PageCount GenLru::evictable(GroupId group) const {
  const Lruvec* const v = find(group);
  if (v == nullptr) return PageCount(0);
  std::uint64_t n = 0;
  for (const std::uint64_t pages : v->pages[at(Stock::kClean)]) n += pages;
  if (context_.users.can_swap())
    for (const std::uint64_t pages : v->pages[at(Stock::kAnon)]) n += pages;
  return PageCount(n);
}

unsigned GenLru::refs_of(Pfn head) const {
  const LruSlot& s = slot(head);
  return s.referenced != 0 ? s.refs + 1U : 0;
}

unsigned GenLru::tier_of(Pfn head) const { return tier_from(refs_of(head), slot(head).workingset != 0); }

bool GenLru::moves_on_anyway(Pfn head) const {
  constexpr unsigned kMostRefs = 4;
  return refs_of(head) == kMostRefs && slot(head).workingset != 0;
}

// --- Places ---

// The generation a folio joins: the youngest but one, or the youngest if it is known to
// belong to the working set; what is only dropped begins at the old end.
std::uint64_t GenLru::seq_for(const Lruvec& v, Pfn head) const {
  const LruSlot& s = slot(head);
  const Stock stock = stock_of(head);
  std::uint64_t back = kMaxGens - s.workingset;
  if (s.active != 0) {
    back = kMinGens - s.workingset;
  } else if (stock == Stock::kAnon && frame(head).swapcache == 0) {
    back = kMinGens;
  }
  const std::uint64_t seq = v.max_seq + 1 > back ? v.max_seq + 1 - back : 0;
  return std::max(seq, v.min_seq[at(stock)]);
}

void GenLru::add(Pfn head) {
  Lruvec& v = lruvec(group_of(head));
  LruSlot& s = slot(head);
  if (frame(head).mlocked != 0) {
    s.gen = 0;
    s.active = 0;
    context_.table.push_front(v.unevictable, static_cast<std::uint8_t>(first_ + kNumbers - 1), head,
                              pages_of(head));
    return;
  }
  const Stock stock = stock_of(head);
  const std::uint64_t gen = gen_of(seq_for(v, head));
  s.gen = static_cast<std::uint8_t>(gen + 1) & 7;
  s.active = 0;
  v.pages[at(stock)][gen] += pages_of(head).raw();
  context_.table.push_front(v.lists[at(stock)][gen], number(gen, stock), head, pages_of(head));
}

void GenLru::add_new(Pfn head) {
  slot(head).active = 1;
  add(head);
}

void GenLru::remove(Pfn head, PageCount pages) {
  Lruvec& v = lruvec(group_of(head));
  LruSlot& s = slot(head);
  if (s.gen != 0) v.pages[at(stock_on_list(head))][s.gen - 1U] -= pages.raw();
  context_.table.remove(list_of(v, s.list), head, pages);
  s.gen = 0;
}

void GenLru::split(Pfn head, std::span<const Order> pieces) {
  copy_marks(context_.table, head, pieces);
  if (slot(head).list != 0) split_in_place(list_of(lruvec(group_of(head)), slot(head).list), head, pieces);
}

void GenLru::forget_use(Pfn head) {
  LruSlot& s = slot(head);
  s.active = 0;
  s.referenced = 0;
  s.refs = 0;
  s.workingset = 0;
}

void GenLru::deactivate(Pfn head) {
  if (slot(head).list == 0 || frame(head).mlocked != 0) return;
  forget_use(head);
  const auto stock = at(stock_on_list(head));
  // Nothing is older.
  if (slot(head).gen - 1U == gen_of(lruvec(group_of(head)).min_seq[stock])) return;
  replace(head);
  context_.counters.add(VmEvent::pgdeactivate, pages_of(head).raw());
}

void GenLru::move_gen(Lruvec& v, Pfn head, std::uint64_t gen) {
  LruSlot& s = slot(head);
  auto& pages = v.pages[at(stock_on_list(head))];
  pages[s.gen - 1U] -= pages_of(head).raw();
  pages[gen] += pages_of(head).raw();
  s.gen = static_cast<std::uint8_t>(gen + 1) & 7;
}

// --- Ageing ---

// A folio was seen in use. The first time that is only noted; the second time it joins the
// youngest generation, and the working set.
bool GenLru::promote(GroupId group, Pfn head) {
  if (!mine(head)) return other_ != nullptr && other_->mine(head) && other_->promote(group, head);
  if (group_of(head) != group || slot(head).gen == 0) return false;
  LruSlot& s = slot(head);
  if (s.referenced == 0 && s.workingset == 0) {
    s.refs = 0;
    s.referenced = 1;
    return true;
  }
  Lruvec& v = lruvec(group);
  move_gen(v, head, gen_of(v.max_seq));
  s.referenced = 0;
  s.refs = 0;
  s.workingset = 1;
  return true;
}

void GenLru::carry_over(History& h) {
  for (unsigned tier = 0; tier < kTiers; ++tier) {
    h.average_refaulted[tier] = (h.average_refaulted[tier] + h.refaulted[tier]) / 2;
    h.average_total[tier] = (h.average_total[tier] + h.evicted[tier] + h.kept[tier]) / 2;
  }
  h.evicted = h.kept = h.refaulted = {};
}

// Those that move on at leisure do not count.
std::uint64_t GenLru::keep(Lruvec& v, Stock stock, Pfn head) {
  if (!moves_on_anyway(head)) v.history[at(stock)].kept[tier_of(head)] += pages_of(head).raw();
  const std::uint64_t next = gen_of(v.min_seq[at(stock)] + 1);
  move_gen(v, head, next);
  LruSlot& s = slot(head);
  s.referenced = 0;
  s.refs = 0;
  return next;
}

// The oldest generation is closed; who is still in it joins the next.
void GenLru::inc_min_seq(Lruvec& v, Stock stock) {
  const std::uint64_t old = gen_of(v.min_seq[at(stock)]);
  folio::LruList& list = v.lists[at(stock)][old];
  while (!list.empty()) {
    const Pfn head = list.back();
    std::uint64_t gen = slot(head).gen - 1U;
    if (gen == old) gen = keep(v, stock, head);
    context_.table.remove(list, head, pages_of(head));
    context_.table.push_back(v.lists[at(stock)][gen], number(gen, stock), head, pages_of(head));
  }
  carry_over(v.history[at(stock)]);
  ++v.min_seq[at(stock)];
}

// Closes oldest generations that are empty already. True: some were.
bool GenLru::try_to_inc_min_seq(Lruvec& v) {
  bool closed = false;
  for (const Stock stock : {Stock::kAnon, Stock::kClean}) {
    std::uint64_t& min = v.min_seq[at(stock)];
    while (min + kMinGens <= v.max_seq && v.lists[at(stock)][gen_of(min)].empty()) {
      carry_over(v.history[at(stock)]);
      ++min;
      closed = true;
    }
  }
  return closed;
}

void GenLru::inc_max_seq(Lruvec& v, GroupId group) {
  const std::uint64_t entries =
      context_.users.walk_tables(group, [&](Pfn head) { return promote(group, head); });
  context_.counters.add(VmEvent::quire_walked_entries, entries);
  for (const Stock stock : {Stock::kAnon, Stock::kClean})
    if (v.max_seq - v.min_seq[at(stock)] + 1 == kMaxGens) inc_min_seq(v, stock);
  ++v.max_seq;
}

// --- The controller ---

GenLru::Position GenLru::position(const Lruvec& v, Stock stock, unsigned tier, std::uint64_t gain) const {
  const History& h = v.history[at(stock)];
  return {.refaulted = h.average_refaulted[tier] + h.refaulted[tier],
          .total = h.average_total[tier] + h.evicted[tier] + h.kept[tier],
          .gain = gain};
}

GenLru::Position GenLru::position_of_all(const Lruvec& v, Stock stock, std::uint64_t gain) const {
  Position all{.gain = gain};
  for (unsigned tier = 0; tier < kTiers; ++tier) {
    const Position p = position(v, stock, tier, gain);
    all.refaulted += p.refaulted;
    all.total += p.total;
  }
  return all;
}

// Whether what is at `p` comes back more often, in proportion and weighed, than what is at the other.
bool GenLru::comes_back_more(const Position& than, const Position& p) {
  return p.refaulted >= kMinBatch &&
         p.refaulted * (than.total + kMinBatch) * than.gain > (than.refaulted + 1) * p.total * p.gain;
}

// A tier is kept if its folios come back twice as often as those of the lowest.
unsigned GenLru::highest_tier_to_take(const Lruvec& v, Stock stock) const {
  const Position lowest = position(v, stock, 0, 2);
  unsigned tier = 1;
  while (tier < kTiers && !comes_back_more(lowest, position(v, stock, tier, 3))) ++tier;
  return tier - 1;
}

Stock GenLru::stock_to_take(const Lruvec& v, const Stocks& stocks) const {
  constexpr std::uint32_t kMost = 200;
  if (stocks.swappiness <= 1) return Stock::kClean;
  if (stocks.swappiness >= kMost) return Stock::kAnon;
  return comes_back_more(position_of_all(v, Stock::kAnon, stocks.swappiness),
                         position_of_all(v, Stock::kClean, kMost - stocks.swappiness))
             ? Stock::kAnon
             : Stock::kClean;
}

// --- Eviction ---

// The last slots are left alone.
GenLru::Stocks GenLru::stocks_for(const ScanControl& sc) const {
  return {context_.users.free_swap().raw() < kMinBatch ? 0 : sc.swappiness};
}

std::uint64_t GenLru::oldest(const Lruvec& v, const Stocks& stocks) const {
  return stocks.may_take(Stock::kAnon) ? std::min(v.min_seq[0], v.min_seq[1]) : v.min_seq[at(Stock::kClean)];
}

bool GenLru::should_age(const Lruvec& v, const Stocks& stocks, std::uint64_t& pages) const {
  pages = 0;
  for (const Stock stock : {Stock::kAnon, Stock::kClean}) {
    if (!stocks.may_take(stock)) continue;
    for (const std::uint64_t n : v.pages[at(stock)]) pages += n;
  }
  // Of a stock without folios nothing keeps its generations open.
  std::uint64_t min = v.max_seq;
  for (const Stock stock : {Stock::kAnon, Stock::kClean})
    if (stocks.may_take(stock) &&
        std::ranges::any_of(v.pages[at(stock)], [](std::uint64_t n) { return n != 0; }))
      min = std::min(min, v.min_seq[at(stock)]);
  return min + kMinGens >= v.max_seq + (pages == 0 ? kMaxGens : 0);
}

// Deals with a folio that cannot be taken now. False: it can.
bool GenLru::sort(Lruvec& v, Stock stock, Pfn head, unsigned tier) {
  const std::uint64_t old = gen_of(v.min_seq[at(stock)]);
  folio::LruList& from = v.lists[at(stock)][old];
  std::uint64_t to = slot(head).gen - 1U;
  if (to == old) {
    // No longer clean: written to since it was marked.
    const bool other_stock = stock_of(head) != stock;
    if (other_stock) {
      replace(head);
      return true;
    }
    if (tier_of(head) <= tier && !moves_on_anyway(head)) return false;
    to = keep(v, stock, head);
  }
  context_.table.remove(from, head, pages_of(head));
  context_.table.push_front(v.lists[at(stock)][to], number(to, stock), head, pages_of(head));
  return true;
}

// Pages looked at; 0: nothing can be taken, and all was looked at.
std::uint64_t GenLru::scan(Lruvec& v, Stock stock, std::uint64_t to_scan, ScanControl& sc,
                           std::vector<Pfn>& taken) {
  if (v.max_seq - v.min_seq[at(stock)] + 1 == kMinGens) return 0;
  const unsigned tier = highest_tier_to_take(v, stock);
  folio::LruList& list = v.lists[at(stock)][gen_of(v.min_seq[at(stock)])];
  std::uint64_t sorted = 0;
  std::uint64_t isolated = 0;
  std::uint64_t looks = std::min(to_scan, kMinBatch * kMinBatch);
  for (; looks != 0 && isolated < kMinBatch && !list.empty(); --looks) {
    const Pfn head = list.back();
    const std::uint64_t pages = pages_of(head).raw();
    if (sort(v, stock, head, tier)) {
      sorted += pages;
      continue;
    }
    if (slot(head).referenced == 0) slot(head).refs = 0;
    remove(head, PageCount(pages));
    context_.folios.get(head);
    taken.push_back(head);
    isolated += pages;
  }
  if (!sc.of_group()) context_.counters.add(VmEvent::pgrefill, sorted);
  count_scan(sc, stock, isolated, taken.size());
  sc.nr_scanned += isolated;
  return isolated != 0 || looks == 0 ? sorted + isolated : 0;
}

bool GenLru::set_refs(Pfn head) {
  LruSlot& s = slot(head);
  const bool again = s.referenced != 0 || s.workingset != 0;
  s.refs = 0;
  s.referenced = again ? 0 : 1;
  if (again) s.workingset = 1;
  return again;
}

Reference GenLru::check_references(GroupId group, Pfn head, GroupId target) {
  context_.counters.add(VmEvent::quire_rmap_walks);
  const std::uint32_t mappings =
      context_.users.referenced_and_nearby(head, target, [&](Pfn near) { return promote(group, near); });
  if (mappings == 0) return Reference::kReclaim;
  return set_refs(head) ? Reference::kActivate : Reference::kKeep;
}

void GenLru::put_back(Lruvec& v, Pfn head) {
  if (slot(head).list == 0) {
    // What was refused does not join the oldest generation again.
    if (frame(head).mlocked == 0 && seq_for(v, head) == v.min_seq[at(stock_of(head))]) slot(head).active = 1;
    home_->add(head);
  }
  context_.folios.put(head);
}

std::uint64_t GenLru::evict(Lruvec& v, GroupId group, const Stocks& stocks, std::uint64_t to_scan,
                            ScanControl& sc) {
  std::vector<Pfn> taken;
  std::uint64_t scanned = 0;
  Stock stock = stock_to_take(v, stocks);
  for (const Stock first = stock; scanned == 0;) {
    if (stocks.may_take(stock)) scanned = scan(v, stock, to_scan, sc, taken);
    if (scanned != 0 || stock != first) break;
    stock = first == Stock::kClean ? Stock::kAnon : Stock::kClean;
  }
  if (try_to_inc_min_seq(v)) ++scanned;
  if (oldest(v, stocks) + kMinGens > v.max_seq) scanned = 0;
  if (taken.empty()) return scanned;
  const Shrunk shrunk =
      context_.users.shrink(taken, [&](Pfn head) { return check_references(group, head, sc.target); });
  for (const Pfn head : shrunk.keep) put_back(v, head);
  for (const Pfn head : shrunk.activate) {
    slot(head).active = 1;
    context_.counters.add(VmEvent::pgactivate, pages_of(head).raw());
    put_back(v, head);
  }
  count_steal(sc, stock, shrunk.reclaimed);
  sc.nr_reclaimed += shrunk.reclaimed;
  return scanned;
}

// A group's call looks at all it set out to look at; the machine's stops when there is enough.
bool GenLru::has_enough(const ScanControl& sc) {
  if (sc.of_group()) return false;
  const std::uint64_t gap = 2 * sc.order.pages().raw();  // compact_gap
  if (sc.nr_reclaimed - sc.nr_before >= std::max(sc.nr_to_reclaim, gap)) return true;
  return sc.who == Reclaimant::kKswapd && sc.order == kOrder0 && sc.zones_safe;
}

// Where much is wanted at once the mild rounds are left out: as much of what is older than the two
// youngest generations as is wanted.
void GenLru::prepare(ScanControl& sc) {
  if (sc.of_group() || sc.priority != kDefPriority || sc.nr_to_reclaim < kMinBatch) return;
  std::uint64_t old = 0;
  for (const auto& v : lruvecs_) {
    if (!v) continue;
    for (const Stock stock : {Stock::kAnon, Stock::kClean}) {
      if (stock == Stock::kAnon && !context_.users.can_swap()) continue;
      for (std::uint64_t seq = v->min_seq[at(stock)]; seq + 1 < v->max_seq; ++seq)
        old += v->pages[at(stock)][gen_of(seq)];
    }
  }
  const int wanted = static_cast<int>(std::bit_width(sc.nr_to_reclaim - 1));
  sc.priority =
      std::clamp(static_cast<int>(std::bit_width(old)) - 1 - wanted, kDefPriority / 2, kDefPriority);
}

void GenLru::shrink(GroupId group, ScanControl& sc) {
  Lruvec& v = lruvec(group);
  const Stocks stocks = stocks_for(sc);
  std::uint64_t scanned = 0;
  for (;;) {
    std::uint64_t pages = 0;
    const bool age = should_age(v, stocks, pages);
    // The mild round tries to do without.
    if (age && sc.priority != kDefPriority) return inc_max_seq(v, group);
    const std::uint64_t to_scan = pages >> sc.priority;
    if (to_scan == 0) return;
    const std::uint64_t now = evict(v, group, stocks, to_scan, sc);
    if (now == 0) return;
    scanned += now;
    if (scanned >= to_scan || has_enough(sc)) return;
  }
}

// --- Refaults ---

Shadow GenLru::evicted(Pfn head, GroupId /*target*/) {
  Lruvec& v = lruvec(group_of(head));
  const std::size_t stock = at(stock_of(head));
  const unsigned refs = refs_of(head);
  v.history[stock].evicted[tier_of(head)] += pages_of(head).raw();
  return {(v.min_seq[stock] << 2) | (refs == 0 ? 0 : refs - 1), group_of(head), slot(head).workingset != 0};
}

// The first use is not remembered: what is known of more counts once it is used again.
void GenLru::refaulted(Pfn head, Shadow shadow) {
  if (shadow.group() != group_of(head)) return;
  const std::uint64_t pages = pages_of(head).raw();
  context_.counters.add(VmEvent::workingset_refault_anon, pages);
  Lruvec& v = lruvec(group_of(head));
  if (v.max_seq - (shadow.token() >> 2) >= kMaxGens) return;  // too long ago
  LruSlot& s = slot(head);
  const auto more = static_cast<std::uint8_t>(shadow.token() & 3);
  v.history[at(Stock::kAnon)].refaulted[tier_from(more + 1U, shadow.workingset())] += pages;
  context_.counters.add(VmEvent::workingset_activate_anon, pages);
  if (shadow.workingset()) {
    s.workingset = 1;
    context_.counters.add(VmEvent::workingset_restore_anon, pages);
  } else {
    s.refs = more & 3;
  }
}

// --- Invariants ---

void GenLru::check_invariants(base::InvariantReport& out) const {
  const auto order = [this](Pfn head) { return context_.folios.order_of(head); };
  for (const auto& v : lruvecs_) {
    if (!v) continue;
    context_.table.check_list(v->unevictable, static_cast<std::uint8_t>(first_ + kNumbers - 1), order, out);
    for (const Stock stock : {Stock::kAnon, Stock::kClean}) {
      const std::uint64_t min = v->min_seq[at(stock)];
      if (min > v->max_seq || v->max_seq - min >= kMaxGens)
        out.broken("I-GEN-1", "generations {} to {}", min, v->max_seq);
      std::array<std::uint64_t, kMaxGens> pages{};
      for (std::uint64_t gen = 0; gen < kMaxGens; ++gen) {
        const folio::LruList& list = v->lists[at(stock)][gen];
        context_.table.check_list(list, number(gen, stock), order, out);
        for (Pfn head = list.back(); head.valid(); head = context_.table.younger(head)) {
          const std::uint64_t own = slot(head).gen - 1U;
          if (own >= kMaxGens) {
            out.broken("I-GEN-3", "folio {} is of no generation", head.raw());
            continue;
          }
          pages[own] += pages_of(head).raw();
          const std::uint64_t age = (gen_of(v->max_seq) + kMaxGens - own) % kMaxGens;
          if (age > v->max_seq - min) out.broken("I-GEN-3", "folio {} is of a closed generation", head.raw());
        }
      }
      if (pages != v->pages[at(stock)])
        out.broken("I-GEN-2", "generations of stock {}: pages counted and pages there differ", at(stock));
    }
  }
}

}  // namespace quire::reclaim
