// cost/middle_mean.h - one time out of many samples that come in steps.
#pragma once

#include <vector>

namespace quire::cost {

// Nanoseconds: the interquartile mean, and between what it lies with 95 %
// confidence.
struct MiddleMean {
  double mean = 0;
  double low = 0;
  double high = 0;
  bool operator==(const MiddleMean&) const = default;
};

// The mean of the middle half of at least kFewestSamples samples. What disturbs a
// quarter of them does not move it; it makes more of few samples than a median
// does, which is one of them and as coarse as they are. The interval is a
// bootstrap's: the same samples give the same one.
[[nodiscard]] MiddleMean middle_mean_of(std::vector<double> samples);

}  // namespace quire::cost
