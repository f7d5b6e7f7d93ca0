// cost/median.h - one time out of many samples.
#pragma once

#include <vector>

#include "cost/profile.h"

namespace quire::cost {

// Fewer samples give no interval.
inline constexpr unsigned kFewestSamples = 6;

// The median of at least kFewestSamples, and the interval its ranks give: with 95 %
// confidence the median of any number of samples lies in it. Nothing is asked of how
// samples are spread.
[[nodiscard]] Time median_of(std::vector<double> samples);

}  // namespace quire::cost
