#include "cost/median.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace quire::cost {

// Ranks from the binomial distribution with one half: as many samples lie on
// either side outside as keeps that at most 2.5 % likely.
Time median_of(std::vector<double> samples) {
  QUIRE_CHECK(samples.size() >= kFewestSamples);
  std::ranges::sort(samples);
  const std::size_t n = samples.size();
  double likely = std::pow(0.5, static_cast<double>(n));  // of k samples below the median
  double sum = 0;
  std::size_t outside = 0;
  for (std::size_t k = 0; sum + likely <= 0.025; ++k) {
    sum += likely;
    outside = k;
    likely *= static_cast<double>(n - k) / static_cast<double>(k + 1);
  }
  const double middle = n % 2 == 1 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  return {middle, samples[outside], samples[n - 1 - outside]};
}

}  // namespace quire::cost
