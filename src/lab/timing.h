// lab/timing.h - time predicted and measured, in interleaved runs.
//
// A program's system time holds more than memory. So the same program with small
// pages only is run in every round as the control: a policy is predicted to
// differ from it by the difference of the two bills. What the control's own runs
// differ by is the noise, and inside the noise nothing is said.
//
// Linux may tell system time from user time by sampling at its ticks; the sum of
// both it counts to the nanosecond. So both are compared: the sum has no such
// noise, but holds what a policy does to the program's own time, which no bill has.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cost/profile.h"
#include "lab/run_again.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::lab {

struct TimedPolicy {
  double predicted_ns = 0;
  cost::Time measured;
};

enum class Change : std::uint8_t { kNone, kFaster, kSlower };

// One kind of time.
struct TimeComparison {
  cost::Time control;                 // with small pages
  std::vector<TimedPolicy> policies;  // in the order they were given

  // How far the control's median may be off.
  [[nodiscard]] double noise_ns() const;
  // Beside the control; kNone when the intervals overlap.
  [[nodiscard]] Change measured_change(const TimedPolicy& policy) const;
  // kNone when the difference is less than the noise.
  [[nodiscard]] Change predicted_change(const TimedPolicy& policy) const;
};

struct Timing {
  unsigned rounds = 0;
  TimeComparison system;
  TimeComparison processor;  // user and system time
};

// Times of a run under these settings, which are applied first.
using RunUnder = std::function<Result<RunTime, Diagnostic>(const policy::Settings&)>;

struct TimedRequest {
  policy::Settings settings;
  double kernel_ns = 0;  // of its bill
};

// `rounds` of at least six; in each the control first, then every policy.
[[nodiscard]] Result<Timing, Diagnostic> time_all(const TimedRequest& control,
                                                  std::span<const TimedRequest> policies, unsigned rounds,
                                                  const RunUnder& run);

}  // namespace quire::lab
