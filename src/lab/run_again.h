// lab/run_again.h - runs a recorded program as it was recorded: arguments,
// environment, folder and limits.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "live/tree_counter.h"
#include "trace/reader.h"

namespace quire::lab {

// What one run took, as wait4(2) tells it: the program and whom it waited for.
struct RunTime {
  double user_ns = 0;
  double sys_ns = 0;
};

class RunAgain {
 public:
  // `file` names the recording in messages.
  RunAgain(std::string file, trace::Header header, std::optional<std::chrono::milliseconds> timeout);

  // Counted by BPF, which takes its own share of the system's time.
  [[nodiscard]] Result<live::TreeCounts, Diagnostic> counted() const;
  // Nobody looks on.
  [[nodiscard]] Result<RunTime, Diagnostic> timed() const;

 private:
  [[nodiscard]] std::unexpected<Diagnostic> too_long() const;

  std::string file_;
  trace::Header header_;
  live::RunSpec spec_;
};

}  // namespace quire::lab
