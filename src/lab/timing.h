// lab/timing.h - system time predicted and measured, in interleaved runs.
//
// A program's system time holds more than memory. So the same program with small
// pages only is run in every round as the control: a policy is predicted to
// differ from it by the difference of the two bills. What the control's own runs
// differ by is the noise, and inside the noise nothing is said.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cost/profile.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::lab {

struct TimedPolicy {
  double predicted_ns = 0;
  cost::Time measured;
};

enum class Change : std::uint8_t { kNone, kFaster, kSlower };

struct Timing {
  unsigned rounds = 0;
  cost::Time control;                 // system time with small pages
  std::vector<TimedPolicy> policies;  // in the order they were given

  // How far the control's median may be off.
  [[nodiscard]] double noise_ns() const;
  // Beside the control; kNone when the intervals overlap.
  [[nodiscard]] Change measured_change(const TimedPolicy& policy) const;
  // kNone when the difference is less than the noise.
  [[nodiscard]] Change predicted_change(const TimedPolicy& policy) const;
};

// System time of a run under these settings, which are applied first.
using RunUnder = std::function<Result<double, Diagnostic>(const policy::Settings&)>;

struct TimedRequest {
  policy::Settings settings;
  double kernel_ns = 0;  // of its bill
};

// `rounds` of at least six; in each the control first, then every policy.
[[nodiscard]] Result<Timing, Diagnostic> time_all(const TimedRequest& control,
                                                  std::span<const TimedRequest> policies, unsigned rounds,
                                                  const RunUnder& run);

}  // namespace quire::lab
