// record/launch.h - starts the target so that it can be watched from its very
// first instruction, and otherwise as any shell would start it.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "live/unique_fd.h"
#include "quire/result.h"
#include "record/recorder.h"

namespace quire::record {

// The file execvp would run for `command`, or the errno it would give.
[[nodiscard]] Result<std::string, int> find_program(const std::string& command, const char* path);

struct LaunchSpec {
  std::vector<std::string> command;
  Aslr aslr = Aslr::kOff;
  sigset_t signal_mask{};              // what the target shall have
  std::function<int()> prepare_child;  // async-signal-safe; 0 or an errno
};

// A child that has done everything but exec.
//
// States      : Waiting -> Running (go): from here on the caller's to wait for
//               Waiting -> ended and reaped, when this is dropped (or the recorder dies)
// Invariants  : I-LAUNCH-1 the child holds no descriptor opened by the recorder past its exec
//               I-LAUNCH-2 its environment is this process's, byte for byte
class Launched {
 public:
  [[nodiscard]] static Result<Launched, Diagnostic> start(const LaunchSpec& spec);

  Launched(Launched&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), line_(std::move(other.line_)), let_go_(other.let_go_) {}
  Launched& operator=(Launched&&) = delete;
  ~Launched();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Lets the child exec. Gives the errno when it could not; the child then
  // ends with status 126 or 127. A child that is being traced gets nowhere
  // unless `meanwhile` resumes it: it is called again and again.
  [[nodiscard]] std::optional<int> go(const std::function<void()>& meanwhile = {});

 private:
  Launched(pid_t pid, live::UniqueFd line) : pid_(pid), line_(std::move(line)) {}

  pid_t pid_;
  live::UniqueFd line_;  // to the child: one byte lets it go, an errno comes back, exec closes it
  bool let_go_ = false;
};

// The status a shell gives for a command that execve refused with `error`.
[[nodiscard]] int status_of_failed_exec(int error);

}  // namespace quire::record
