// lab/timing.h - time predicted and measured, in interleaved runs.
//
// A program's system time holds more than memory. So the same program with small
// pages only is run in every round as the control: a policy is predicted to
// differ from it by the difference of the two bills. What the control's own runs
// differ by is the noise, and inside the noise nothing is said.
//
// What a fault costs depends on what else the program has in the caches, and on how
// fast the host is just now: up to twice what a loop of faults takes. Clearing new
// memory does not, which waits for memory anyway. The control's faults are therefore
// timed by themselves (lab/mode_sampler.h), and what they took beyond clearing, of
// what they were billed for it, scales all of the difference that is not clearing.
//
// The sum of system and user time is counted to the nanosecond, and what is system
// time of it is sampled (lab/mode_sampler.h). Both are compared: the sum has no
// noise of samples, but holds what a policy does to the program's own time, which
// no bill has.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cost/middle_mean.h"
#include "lab/run_again.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::lab {

struct TimedPolicy {
  std::string text;  // as it was given
  double predicted_ns = 0;
  cost::MiddleMean measured;
};

enum class Change : std::uint8_t { kNone, kFaster, kSlower };

// One kind of time.
struct TimeComparison {
  cost::MiddleMean control;           // with small pages
  std::vector<TimedPolicy> policies;  // in the order they were given

  // How far the control's mean may be off.
  [[nodiscard]] double noise_ns() const;
  // Beside the control; kNone when the intervals overlap.
  [[nodiscard]] Change measured_change(const TimedPolicy& policy) const;
  // kNone when the difference is less than the noise.
  [[nodiscard]] Change predicted_change(const TimedPolicy& policy) const;
};

struct Timing {
  unsigned rounds = 0;
  ModesBy modes = ModesBy::kTicks;  // kSamples when all runs were
  // What the control's faults took beyond clearing, of what the profile says; nothing
  // where they could not be timed, and the profile counts as it is.
  std::optional<double> price_factor;
  TimeComparison system;
  TimeComparison processor;  // user and system time
};

// Times of a run under these settings, which are applied first.
using RunUnder = std::function<Result<RunTime, Diagnostic>(const policy::Settings&)>;

struct TimedRequest {
  std::string text;
  policy::Settings settings;
  double kernel_ns = 0;  // of its bill
  double fault_ns = 0;   // of kernel_ns
  double clear_ns = 0;   // of fault_ns
  ByteCount peak{};      // resident, of all its processes
};

// `rounds` of at least six; in each the control first, then every policy.
[[nodiscard]] Result<Timing, Diagnostic> time_all(const TimedRequest& control,
                                                  std::span<const TimedRequest> policies, unsigned rounds,
                                                  const RunUnder& run);

}  // namespace quire::lab
