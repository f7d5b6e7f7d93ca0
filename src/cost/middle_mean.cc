#include "cost/middle_mean.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/rng.h"
#include "cost/median.h"

namespace quire::cost {
namespace {

constexpr std::size_t kResamples = 2000;

// A quarter of the weight is cut from either end; a sample that lies across the
// cut counts in part.
double middle_of(const std::vector<double>& sorted) {
  const double cut = static_cast<double>(sorted.size()) / 4;
  const auto whole = static_cast<std::size_t>(std::ceil(cut));
  const double part = static_cast<double>(whole) - cut;
  double sum = 0;
  for (std::size_t i = whole; i < sorted.size() - whole; ++i) sum += sorted[i];
  if (part > 0) sum += part * (sorted[whole - 1] + sorted[sorted.size() - whole]);
  return sum / (2 * cut);
}

}  // namespace

MiddleMean middle_mean_of(std::vector<double> samples) {
  QUIRE_CHECK(samples.size() >= kFewestSamples);
  std::ranges::sort(samples);
  base::Rng rng(samples.size());
  std::vector<double> means(kResamples);
  std::vector<double> drawn(samples.size());
  for (double& mean : means) {
    for (double& sample : drawn) sample = samples[rng.below(samples.size())];
    std::ranges::sort(drawn);
    mean = middle_of(drawn);
  }
  std::ranges::sort(means);
  constexpr std::size_t kOutside = kResamples / 40;  // 2.5 % on either side
  return {middle_of(samples), means[kOutside], means[kResamples - 1 - kOutside]};
}

}  // namespace quire::cost
