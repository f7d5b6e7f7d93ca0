// live/launch.h - starts a command so that it can be watched from its very
// first instruction, and otherwise as any shell would start it. The recorder
// and the tree counter both use it: two runs that are compared begin alike.
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

namespace quire::live {

// The file execvp would run for `command`, or the errno it would give.
[[nodiscard]] Result<std::string, int> find_program(const std::string& command, const char* path);

// Whether addresses are the same in every run, or as the host has it.
enum class Aslr : std::uint8_t { kOff, kHost };

struct LaunchSpec {
  std::vector<std::string> command;
  Aslr aslr = Aslr::kOff;
  bool small_pages = false;             // PR_SET_THP_DISABLE, inherited by all it starts
  std::optional<sigset_t> signal_mask;  // none: the caller's
  std::function<int()> prepare_child;   // async-signal-safe; 0 or an errno
};

// Why the command did not start.
struct Refusal {
  bool by_exec = false;  // else a step before it
  int error = 0;         // errno
};

// A child that has done everything but exec.
//
// States      : Waiting -> Running (go): from here on the caller's to wait for
//               Waiting -> ended and reaped, when this is dropped (or the caller dies)
// Invariants  : I-LAUNCH-1 the child holds no close-on-exec descriptor of the caller past its exec
//               I-LAUNCH-2 its environment is this process's, byte for byte
class Launch {
 public:
  [[nodiscard]] static Result<Launch, Diagnostic> start(const LaunchSpec& spec);

  Launch(Launch&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), line_(std::move(other.line_)), let_go_(other.let_go_) {}
  Launch& operator=(Launch&&) = delete;
  ~Launch();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Lets the child exec. When it could not, says why; the child then ends with
  // status 126 or 127, or 125 for a step before exec. A child that is being traced gets nowhere
  // unless `meanwhile` resumes it: it is called again and again.
  [[nodiscard]] std::optional<Refusal> go(const std::function<void()>& meanwhile = {});

 private:
  Launch(pid_t pid, UniqueFd line) : pid_(pid), line_(std::move(line)) {}

  pid_t pid_;
  UniqueFd line_;  // to the child: one byte lets it go, a Refusal comes back, exec closes it
  bool let_go_ = false;
};

// The status a shell gives for a command that execve refused with `error`.
[[nodiscard]] int status_of_failed_exec(int error);

}  // namespace quire::live
