#include "cost/middle_mean.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "cost/median.h"

namespace quire::cost {
namespace {

// Of eight samples the middle four count; of six the middle two, and half of
// their neighbours.
TEST(MiddleMean, IsOfTheMiddleHalf) {
  EXPECT_DOUBLE_EQ(middle_mean_of({900, 1, 2, 3, 4, 5, 6, -900}).mean, 3.5);
  EXPECT_DOUBLE_EQ(middle_mean_of({100, 1, 2, 4, 7, -100}).mean, (0.5 * 1 + 2 + 4 + 0.5 * 7) / 3);
}

// Samples that are all the same have no interval, and lie in it.
TEST(MiddleMean, OfTheSameIsThat) {
  EXPECT_EQ(middle_mean_of(std::vector<double>(9, 7.0)), (MiddleMean{7, 7, 7}));
}

// The same samples give the same interval, in whichever order they came.
TEST(MiddleMean, IsDeterministic) {
  EXPECT_EQ(middle_mean_of({1, 5, 2, 9, 3, 4, 8}), middle_mean_of({9, 8, 5, 4, 3, 2, 1}));
}

// Times that are told in steps of 4, and as often of one step as of the other:
// the mean comes nearer to what lies between than a median, which says one of the
// two; and its interval holds it nearly always.
TEST(MiddleMean, SeesBetweenTheSteps) {
  base::Rng rng(3);
  int held = 0;
  constexpr int kTries = 200;
  double error = 0;
  double error_of_median = 0;
  for (int i = 0; i < kTries; ++i) {
    std::vector<double> samples(16);
    for (double& s : samples) s = rng.chance(50) ? 12 : 16;
    const MiddleMean m = middle_mean_of(samples);
    held += static_cast<int>(m.low <= 14 && 14 <= m.high);
    error += std::abs(m.mean - 14) / kTries;
    error_of_median += std::abs(median_of(samples).median - 14) / kTries;
  }
  EXPECT_LT(error, error_of_median);
  EXPECT_GE(held, kTries * 85 / 100);
}

}  // namespace
}  // namespace quire::cost
