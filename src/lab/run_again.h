// lab/run_again.h - runs a recorded program as it was recorded: arguments,
// environment, folder and limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "live/tree_counter.h"
#include "trace/reader.h"

namespace quire::lab {

// How system time is told from user time: by samples of our own, or where the
// host does not allow them by those that the kernel takes at its ticks.
enum class ModesBy : std::uint8_t { kSamples, kTicks };

// What one run took: the program and whom it waited for. The sum is exact.
struct RunTime {
  double user_ns = 0;
  double sys_ns = 0;
  ModesBy modes = ModesBy::kTicks;
  std::optional<double> fault_ns = std::nullopt;  // of sys_ns, in page faults; from samples only
};

class RunAgain {
 public:
  // `file` names the recording in messages.
  RunAgain(std::string file, trace::Header header, std::optional<std::chrono::milliseconds> timeout);

  // Counted by BPF, which takes its own share of the system's time.
  [[nodiscard]] Result<live::TreeCounts, Diagnostic> counted() const;
  // Nobody looks on but a ModeSampler.
  [[nodiscard]] Result<RunTime, Diagnostic> timed() const;

 private:
  [[nodiscard]] std::unexpected<Diagnostic> too_long() const;

  std::string file_;
  trace::Header header_;
  live::RunSpec spec_;
};

}  // namespace quire::lab
