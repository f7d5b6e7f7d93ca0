#include "cost/median.h"

#include <gtest/gtest.h>

namespace quire::cost {
namespace {

// With six samples only the outermost ranks hold the median with 95 %; with
// eleven the second from either end do.
TEST(MedianOf, TheIntervalIsOfRanks) {
  EXPECT_EQ(median_of({6, 1, 5, 2, 4, 3}), (Time{3.5, 1, 6}));
  EXPECT_EQ(median_of({11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6}), (Time{6, 2, 10}));
}

}  // namespace
}  // namespace quire::cost
