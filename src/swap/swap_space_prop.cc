// Swap spaces against the plainest model: a map from slots to who refers to them.
// Where a folio is put is the running kernel's business (oracle/swap_slots_test.cc); here it
// must only be a place that was free, and a refusal must have a reason.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "swap/cluster.h"
#include "swap/testing_slots.h"

namespace quire::swap {
namespace {

using testing::Space;

struct Devices {
  std::vector<std::uint64_t> slots;
  Traits traits;
  SlotPolicy policy = SlotPolicy::kContiguous;
};

// A slot that is not free.
struct Used {
  std::uint32_t count = 0;
  Pfn cached = Pfn::invalid();
};
struct CachedFolio {
  Order order;
  SwapEntry first;
};

template <typename Map>
auto pick_of(Map& map, std::uint64_t pick) {
  return std::next(map.begin(), static_cast<std::ptrdiff_t>(pick % map.size()));
}

class Both {
 public:
  explicit Both(const Devices& devices) : devices_(devices) {
    for (const std::uint64_t slots : devices.slots) space_.swapon(slots, 5, devices.traits, devices.policy);
    space_.swap.set_cache_dropper([this](Pfn head, Order) { return drop_cached(head); });
  }

  void add(Order order) {
    const Pfn head = space_.page(order);
    const auto entry = space_.swap.add_to_swap(head, order);
    if (!entry) {
      expect_no_room(order);
      space_.memory.free(head, order);
      return;
    }
    RC_ASSERT(entry->slot() % order.pages().raw() == 0U);
    for (PageCount i; i < order.pages(); i += PageCount(1)) {
      RC_ASSERT(entry->slot() + i.raw() != 0U);
      RC_ASSERT(used_.emplace(*entry + i, Used{0, head + i}).second);
    }
    cached_.emplace(head, CachedFolio{order, *entry});
    space_.swap.dup(*entry, order.pages());
    for (PageCount i; i < order.pages(); i += PageCount(1)) used_[*entry + i].count = 1;
  }
  void leave_cache(std::uint64_t pick) {
    if (!cached_.empty()) leave(pick_of(cached_, pick)->first);
  }
  void dup(std::uint64_t pick, std::uint32_t times) {
    if (used_.empty()) return;
    const auto at = pick_of(used_, pick);
    for (std::uint32_t i = 0; i < times; ++i) space_.swap.dup(at->first);
    at->second.count += times;
  }
  // As many slots in a row as have an entry, from one on.
  void put(std::uint64_t pick, std::uint64_t most) {
    if (used_.empty()) return;
    const SwapEntry first = pick_of(used_, pick)->first;
    PageCount n;
    while (n.raw() < most && used_.contains(first + n) && used_[first + n].count != 0) n += PageCount(1);
    for (PageCount i; i < n; i += PageCount(1))
      if (--used_[first + i].count == 0 && !used_[first + i].cached.valid()) used_.erase(first + i);
    if (n != PageCount(0)) space_.swap.put(first, n);
  }
  void split(std::uint64_t pick) {
    if (cached_.empty()) return;
    const auto [head, folio] = *pick_of(cached_, pick);
    if (folio.order == kOrder0) return;
    space_.swap.split_cached(head, folio.order, kOrder0);
    cached_.erase(head);
    for (PageCount i; i < folio.order.pages(); i += PageCount(1))
      cached_.emplace(head + i, CachedFolio{kOrder0, folio.first + i});
  }
  void back_into_cache(std::uint64_t pick) {
    if (used_.empty()) return;
    const auto at = pick_of(used_, pick);
    if (at->second.cached.valid()) return;
    const Pfn page = space_.page(kOrder0);
    space_.swap.add_to_cache(page, kOrder0, at->first);
    at->second.cached = page;
    cached_.emplace(page, CachedFolio{kOrder0, at->first});
  }
  void stop(std::uint64_t pick) {
    stopped_ = static_cast<std::uint8_t>(pick % devices_.slots.size());
    space_.swap.stop_allocating(*stopped_);
    const bool gone = space_.swap.swapoff(*stopped_).has_value();
    RC_ASSERT(gone == (used_of(*stopped_) == 0));
    if (gone)
      RC_ASSERT(space_.swapon(devices_.slots[*stopped_], 5, devices_.traits, devices_.policy) == *stopped_);
    else
      space_.swap.resume_allocating(*stopped_);
  }

  void expect_same() {
    base::InvariantReport report;
    space_.swap.check_invariants(report);
    if (!report.ok()) RC_FAIL(report.text());
    RC_ASSERT(space_.swap.used() == PageCount(used_.size()));
    for (const auto& [entry, used] : used_) {
      RC_ASSERT(space_.swap.count(entry) == used.count);
      RC_ASSERT(space_.swap.cached(entry) == used.cached);
    }
    for (const auto& [head, folio] : cached_) RC_ASSERT(space_.swap.entry_of(head) == folio.first);
  }

 private:
  void leave(Pfn head) {
    const CachedFolio folio = cached_.at(head);
    space_.swap.remove_from_cache(head);
    forget(head, folio);
  }
  void forget(Pfn head, const CachedFolio& folio) {
    cached_.erase(head);
    for (PageCount i; i < folio.order.pages(); i += PageCount(1)) {
      const auto at = used_.find(folio.first + i);
      at->second.cached = Pfn::invalid();
      if (at->second.count == 0) used_.erase(at);
    }
  }
  // What swap asks for when it is more than half full: only a folio whose slots nobody names.
  bool drop_cached(Pfn head) {
    const CachedFolio folio = cached_.at(head);
    for (PageCount i; i < folio.order.pages(); i += PageCount(1))
      RC_ASSERT(used_.at(folio.first + i).count == 0U);
    RC_ASSERT(space_.swap.free_swap(head));
    forget(head, folio);
    return true;
  }
  [[nodiscard]] std::uint64_t used_of(std::uint8_t device) const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(used_, [&](const auto& at) { return at.first.device() == device; }));
  }
  // Single pages fit as long as any slot is free. Of large folios nothing is said here but on a
  // device whose entries are no slots.
  void expect_no_room(Order order) {
    const bool any_slots = devices_.policy == SlotPolicy::kIndirection;
    if (order != kOrder0 && !any_slots) return;
    std::uint64_t most = 0;
    for (std::uint8_t d = 0; d < devices_.slots.size(); ++d)
      most = std::max(most, devices_.slots[d] - 1 - used_of(d));
    if (order != kOrder0 && devices_.slots.size() > 1) return;
    RC_ASSERT(most < order.pages().raw());
  }

  Devices devices_;
  Space space_;
  std::map<SwapEntry, Used> used_;
  std::map<Pfn, CachedFolio> cached_;
  std::optional<std::uint8_t> stopped_;
};

// Folios go out in all orders, are found again, let go of in parts; devices come and go.
void run(const Devices& devices, std::size_t steps) {
  Both both(devices);
  for (std::size_t i = 0; i < steps; ++i) {
    const auto pick = *rc::gen::arbitrary<std::uint64_t>();
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        both.add(Order(*rc::gen::inRange(0U, kSwapOrders)));
        break;
      case 4:
        both.dup(pick, *rc::gen::element(1U, 300U));
        break;
      case 5:
        both.split(pick);
        break;
      case 6:
        both.back_into_cache(pick);
        break;
      case 7:
        both.stop(pick);
        break;
      case 8:
        both.leave_cache(pick);
        break;
      default:
        both.put(pick, *rc::gen::inRange<std::uint64_t>(1, 600));
        break;
    }
    both.expect_same();
  }
}

constexpr std::size_t kSteps = 60;

RC_GTEST_PROP(SwapSpaceProp, OneDevice, ()) { run({.slots = {3 * 512 + 100}, .traits = {}}, kSteps); }
RC_GTEST_PROP(SwapSpaceProp, TwoDevices, ()) { run({.slots = {1024, 700}, .traits = {}}, kSteps); }
RC_GTEST_PROP(SwapSpaceProp, ADiskThatTurns, ()) {
  run({.slots = {2048}, .traits = {.rotational = true}}, kSteps);
}
RC_GTEST_PROP(SwapSpaceProp, ADeviceThatDiscards, ()) {
  run({.slots = {2048}, .traits = {.discards = true}}, kSteps);
}
RC_GTEST_PROP(SwapSpaceProp, AFile, ()) { run({.slots = {40}, .traits = {.block_device = false}}, kSteps); }
RC_GTEST_PROP(SwapSpaceProp, EntriesThatAreNoSlots, ()) {
  run({.slots = {1400}, .traits = {}, .policy = SlotPolicy::kIndirection}, kSteps);
}

// Everything that five calls on a device of two clusters can do.
TEST(SwapSpaceScope, EveryShortSequence) {
  constexpr std::size_t kCalls = 5;
  constexpr std::array kOrders{Order(0), Order(3), Order(8), Order(9)};
  constexpr std::size_t kKinds = kOrders.size() + 3;  // out; let go of the oldest, of the newest, of a part
  std::size_t sequences = 1;
  for (std::size_t i = 0; i < kCalls; ++i) sequences *= kKinds;
  Space space;
  const std::uint8_t device = space.swapon(1024);
  for (std::size_t number = 0; number < sequences; ++number) {
    std::vector<std::pair<SwapEntry, PageCount>> out;
    std::size_t digits = number;
    for (std::size_t call = 0; call < kCalls; ++call, digits /= kKinds) {
      const std::size_t kind = digits % kKinds;
      if (kind < kOrders.size()) {
        if (const auto entry = space.try_out(kOrders[kind])) out.emplace_back(*entry, kOrders[kind].pages());
      } else if (!out.empty()) {
        const std::size_t at = kind == kOrders.size() ? 0 : out.size() - 1;
        const bool part = kind == kOrders.size() + 2 && out[at].second > PageCount(1);
        const PageCount n = part ? PageCount(out[at].second.raw() / 2) : out[at].second;
        space.swap.put(out[at].first, n);
        out[at] = {out[at].first + n, out[at].second - n};
        if (out[at].second == PageCount(0)) out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    base::InvariantReport report;
    space.swap.check_invariants(report);
    PageCount left;
    for (const auto& [entry, n] : out) left += n;
    ASSERT_TRUE(report.ok() && space.swap.used() == left) << number << "\n" << report.text();
    for (const auto& [entry, n] : out) space.swap.put(entry, n);
    ASSERT_TRUE(space.swap.swapoff(device));
    ASSERT_EQ(space.swapon(1024), device);
  }
}

}  // namespace
}  // namespace quire::swap
