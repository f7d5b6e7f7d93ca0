#include "lab/timing.h"

#include <algorithm>

namespace quire::lab {

double TimeComparison::noise_ns() const {
  return std::max(control.high - control.mean, control.mean - control.low);
}

Change TimeComparison::measured_change(const TimedPolicy& policy) const {
  if (policy.measured.high < control.low) return Change::kFaster;
  if (policy.measured.low > control.high) return Change::kSlower;
  return Change::kNone;
}

Change TimeComparison::predicted_change(const TimedPolicy& policy) const {
  const double difference = policy.predicted_ns - control.mean;
  if (difference < -noise_ns()) return Change::kFaster;
  return difference > noise_ns() ? Change::kSlower : Change::kNone;
}

namespace {

// Of the runs of each round: the control's, then each policy's.
using Rounds = std::vector<std::vector<double>>;

double difference(const TimedRequest& control, const TimedRequest& policy, double factor) {
  const double cleared = policy.clear_ns - control.clear_ns;
  return cleared + factor * (policy.kernel_ns - control.kernel_ns - cleared);
}

TimeComparison compare(const TimedRequest& control, std::span<const TimedRequest> policies, double factor,
                       Rounds ns) {
  TimeComparison comparison{.control = cost::middle_mean_of(std::move(ns.front())), .policies = {}};
  for (std::size_t i = 0; i < policies.size(); ++i)
    comparison.policies.push_back({policies[i].text,
                                   comparison.control.mean + difference(control, policies[i], factor),
                                   cost::middle_mean_of(std::move(ns[i + 1]))});
  return comparison;
}

// Nothing unless the faults of every round were timed.
std::optional<double> price_factor(const TimedRequest& control, std::vector<double> fault_ns,
                                   unsigned rounds) {
  const double billed = control.fault_ns - control.clear_ns;
  if (fault_ns.size() < rounds || billed <= 0) return std::nullopt;
  const double took = cost::middle_mean_of(std::move(fault_ns)).mean - control.clear_ns;
  // On a host twice as fast as the profile's even clearing is not what it says.
  return took > 0 ? std::optional(took / billed) : std::nullopt;
}

}  // namespace

Result<Timing, Diagnostic> time_all(const TimedRequest& control, std::span<const TimedRequest> policies,
                                    unsigned rounds, const RunUnder& run) {
  Rounds system(policies.size() + 1);
  Rounds processor(policies.size() + 1);
  ModesBy modes = ModesBy::kSamples;
  std::vector<double> control_faults;
  for (unsigned round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i <= policies.size(); ++i) {
      const RunTime time = QUIRE_TRY(run(i == 0 ? control.settings : policies[i - 1].settings));
      system[i].push_back(time.sys_ns);
      processor[i].push_back(time.user_ns + time.sys_ns);
      modes = std::max(modes, time.modes);
      if (i == 0 && time.fault_ns) control_faults.push_back(*time.fault_ns);
    }
  }
  const auto factor = price_factor(control, std::move(control_faults), rounds);
  return Timing{.rounds = rounds,
                .modes = modes,
                .price_factor = factor,
                .system = compare(control, policies, factor.value_or(1), std::move(system)),
                .processor = compare(control, policies, factor.value_or(1), std::move(processor))};
}

}  // namespace quire::lab
