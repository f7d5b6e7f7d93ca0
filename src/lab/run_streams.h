// lab/run_streams.h - the standard streams of a program that is run several
// times, so that every run finds the same and none writes into our answer.
#pragma once

#include "live/unique_fd.h"
#include "quire/result.h"

namespace quire::lab {

// While it lives, standard output of this process (and so of its children) goes
// to /dev/null; standard input is empty, unless it is a file that can be read
// again from where it stands.
class RunStreams {
 public:
  [[nodiscard]] static Result<RunStreams, Diagnostic> enter();

  RunStreams(RunStreams&&) noexcept = default;
  RunStreams& operator=(RunStreams&&) = delete;
  ~RunStreams();

 private:
  RunStreams() = default;
  live::UniqueFd input_;   // of before; none when it was left in place
  live::UniqueFd output_;  // of before
};

// Puts a standard input that is a file back to where it stood when it was first
// asked for. Called before each run.
void rewind_input();

}  // namespace quire::lab
