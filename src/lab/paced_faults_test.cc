#include "lab/paced_faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace quire::lab {
namespace {

// What an interrupt made longer does not count; the slow faults that a kernel has
// of its own do.
TEST(PacedFaults, InterruptedOnesDoNotCount) {
  const auto mean = [](std::vector<double> samples) { return uninterrupted_mean(samples); };
  EXPECT_DOUBLE_EQ(mean({1, 1, 1, 9, 1000}), 3);
  EXPECT_DOUBLE_EQ(mean({5}), 5);
  EXPECT_DOUBLE_EQ(mean({0, 0, 0, 7}), 0);
}

// Each step is touched, and where the program works all that it wrote to is filled.
TEST(PacedFaults, TouchesAndFills) {
  std::vector<char> memory(16 * kPageSize, 0);
  const PacedRange range{memory.data(), 8, ByteCount(2 * kPageSize)};
  EXPECT_GE(PacedTouches(range, Pace::kWorking).run(Touch::kRead), 0);
  EXPECT_EQ(std::ranges::count(memory, 0), std::ssize(memory));
  EXPECT_GE(PacedTouches(range, Pace::kAtOnce).run(Touch::kWrite), 0);
  EXPECT_EQ(std::ranges::count(memory, 1), 8);
  EXPECT_GE(PacedTouches(range, Pace::kWorking).run(Touch::kWrite), 0);
  EXPECT_EQ(std::ranges::count(memory, 1), std::ssize(memory) / 64);
}

}  // namespace
}  // namespace quire::lab
