#include "lab/timing.h"

#include <algorithm>

#include "lab/calibrate.h"

namespace quire::lab {

double Timing::noise_ns() const {
  return std::max(control.high - control.median, control.median - control.low);
}

Change Timing::measured_change(const TimedPolicy& policy) const {
  if (policy.measured.high < control.low) return Change::kFaster;
  if (policy.measured.low > control.high) return Change::kSlower;
  return Change::kNone;
}

Change Timing::predicted_change(const TimedPolicy& policy) const {
  const double difference = policy.predicted_ns - control.median;
  if (difference < -noise_ns()) return Change::kFaster;
  return difference > noise_ns() ? Change::kSlower : Change::kNone;
}

Result<Timing, Diagnostic> time_all(const TimedRequest& control, std::span<const TimedRequest> policies,
                                    unsigned rounds, const RunUnder& run) {
  std::vector<double> control_ns;
  std::vector<std::vector<double>> policy_ns(policies.size());
  for (unsigned round = 0; round < rounds; ++round) {
    control_ns.push_back(QUIRE_TRY(run(control.settings)));
    for (std::size_t i = 0; i < policies.size(); ++i)
      policy_ns[i].push_back(QUIRE_TRY(run(policies[i].settings)));
  }
  Timing timing{.rounds = rounds, .control = time_of(std::move(control_ns)), .policies = {}};
  for (std::size_t i = 0; i < policies.size(); ++i)
    timing.policies.push_back({timing.control.median + policies[i].kernel_ns - control.kernel_ns,
                               time_of(std::move(policy_ns[i]))});
  return timing;
}

}  // namespace quire::lab
