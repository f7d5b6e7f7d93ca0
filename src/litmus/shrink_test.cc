#include "litmus/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "litmus/print.h"
#include "litmus/random.h"

namespace quire::litmus {
namespace {

bool has_fork(const Experiment& experiment) {
  return std::ranges::any_of(experiment.steps,
                             [](const Step& s) { return std::holds_alternative<Fork>(s.action); });
}

Experiment with_a_fork() {
  for (std::uint64_t seed = 1;; ++seed) {
    Experiment experiment = random_experiment({.seed = seed});
    if (has_fork(experiment)) return experiment;
  }
}

// What does not matter goes: steps, settings, other children.
TEST(Shrink, LeavesWhatItTakes) {
  const Experiment smallest = shrink(with_a_fork(), has_fork, 10'000);
  EXPECT_EQ(smallest.steps.size(), 1U) << print(smallest);
  EXPECT_TRUE(has_fork(smallest));
  EXPECT_TRUE(smallest.settings.empty());
}

// A range becomes as small as it can be.
TEST(Shrink, MakesRangesSmall) {
  Experiment experiment = random_experiment({.seed = 3, .steps = 1});
  Step step;
  step.action =
      Unmap{Range{Place{{}, "A", PageCount(100).bytes()}, Range::Extent::kLength, PageCount(512).bytes()}};
  experiment.steps.push_back(step);
  const Shows contains_page_300 = [](const Experiment& candidate) {
    return std::ranges::any_of(candidate.steps, [](const Step& s) {
      const auto* const unmap = std::get_if<Unmap>(&s.action);
      if (unmap == nullptr) return false;
      const ByteCount begin = unmap->range.begin.offset;
      const ByteCount wanted = PageCount(300).bytes();
      return begin <= wanted && wanted < begin + unmap->range.length;
    });
  };
  const Experiment smallest = shrink(experiment, contains_page_300, 10'000);
  const auto& unmap = std::get<Unmap>(smallest.steps.back().action);
  EXPECT_EQ(unmap.range.length, ByteCount(kPageSize));
  EXPECT_EQ(unmap.range.begin.offset, PageCount(300).bytes());
}

// It asks no more often than it may, and then gives the best it has.
TEST(Shrink, KeepsToItsTries) {
  unsigned asked = 0;
  const Shows counting = [&](const Experiment& candidate) {
    ++asked;
    return has_fork(candidate);
  };
  const Experiment before = with_a_fork();
  const Experiment after = shrink(before, counting, 5);
  EXPECT_EQ(asked, 5U);
  EXPECT_LE(after.steps.size(), before.steps.size());
  EXPECT_TRUE(has_fork(after));
}

}  // namespace
}  // namespace quire::litmus
