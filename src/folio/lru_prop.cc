// Lists of folios against the plainest model: whatever is put where and taken
// out, order and sums are those of a std::list.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <vector>

#include "folio/lru.h"

namespace quire::folio {
namespace {

constexpr std::uint64_t kFrames = 64;

Order order_of(Pfn head) { return Order(static_cast<unsigned>(head.raw() % 3)); }

struct Both {
  LruTable table{PageCount(kFrames)};
  std::array<LruList, 2> lists;
  std::array<std::list<std::uint64_t>, 2> model;

  void put(std::size_t to, std::uint64_t frame, bool front) {
    const Pfn head(frame);
    if (table.on_list(head)) take(frame);
    const auto number = static_cast<std::uint8_t>(to + 1);
    if (front) {
      table.push_front(lists[to], number, head, order_of(head).pages());
      model[to].push_front(frame);
    } else {
      table.push_back(lists[to], number, head, order_of(head).pages());
      model[to].push_back(frame);
    }
  }

  void take(std::uint64_t frame) {
    const std::uint8_t number = table.slot(Pfn(frame)).list;
    if (number == 0) return;
    table.remove(lists[number - 1U], Pfn(frame), order_of(Pfn(frame)).pages());
    model[number - 1U].remove(frame);
  }

  void put_beside(std::uint64_t where, std::uint64_t frame) {
    if (where == frame || !table.on_list(Pfn(where))) return;
    if (table.on_list(Pfn(frame))) take(frame);
    const std::size_t to = table.slot(Pfn(where)).list - 1U;
    table.insert_after(lists[to], Pfn(where), Pfn(frame), order_of(Pfn(frame)).pages());
    auto& m = model[to];
    m.insert(std::next(std::ranges::find(m, where)), frame);
  }

  void expect_same() const {
    base::InvariantReport report;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      table.check_list(lists[i], static_cast<std::uint8_t>(i + 1), order_of, report);
      RC_ASSERT(lists[i].folios() == model[i].size());
      std::vector<std::uint64_t> oldest_first;
      for (Pfn p = lists[i].back(); p.valid(); p = table.younger(p)) oldest_first.push_back(p.raw());
      RC_ASSERT(std::ranges::equal(oldest_first, std::vector(model[i].rbegin(), model[i].rend())));
    }
    RC_ASSERT(report.ok());
  }
};

// Pushing at either end, beside a neighbour, and removing keep the order.
RC_GTEST_PROP(LruList, IsTheSameAsAListOfNumbers, ()) {
  Both both;
  const int steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    const auto frame = *rc::gen::inRange<std::uint64_t>(0, kFrames);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        both.take(frame);
        break;
      case 1:
        both.put_beside(*rc::gen::inRange<std::uint64_t>(0, kFrames), frame);
        break;
      default:
        both.put(*rc::gen::inRange<std::size_t>(0, 2), frame, *rc::gen::arbitrary<bool>());
    }
    both.expect_same();
  }
}

// What links say otherwise is found.
TEST(LruList, ABrokenLinkIsReported) {
  Both both;
  for (const std::uint64_t frame : {3U, 9U, 27U}) both.put(0, frame, true);
  both.table.slot(Pfn(9)).prev = 0;
  base::InvariantReport report;
  both.table.check_list(both.lists[0], 1, order_of, report);
  EXPECT_FALSE(report.ok());
}

// What a slot says of another list is found.
TEST(LruList, AFolioOfAnotherListIsReported) {
  Both both;
  both.put(0, 5, true);
  both.table.slot(Pfn(5)).list = 2;
  base::InvariantReport report;
  both.table.check_list(both.lists[0], 1, order_of, report);
  EXPECT_FALSE(report.ok());
}

}  // namespace
}  // namespace quire::folio
