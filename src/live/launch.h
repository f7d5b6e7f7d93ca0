// live/launch.h - starts a command stopped at its execve, so that the observer
// is ready before the command's first instruction.
#pragma once

#include <sys/types.h>

#include "live/tree_counter.h"
#include "live/unique_fd.h"
#include "quire/result.h"

namespace quire::live {

// A forked child that waits to be let go. If this object goes away first, the
// child exits without having started the command.
class Launch {
 public:
  [[nodiscard]] static Result<Launch, Diagnostic> prepare(const RunSpec& spec);

  Launch(Launch&&) noexcept;
  Launch& operator=(Launch&&) = delete;
  ~Launch();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Lets the child execute the command. On failure the child is gone and the
  // Diagnostic says why (no such command, no permission).
  [[nodiscard]] Result<void, Diagnostic> go();

  // From here on the child is the caller's to wait for.
  void release() { pid_ = 0; }

 private:
  Launch(pid_t pid, std::string name, UniqueFd gate, UniqueFd verdict)
      : pid_(pid), name_(std::move(name)), gate_(std::move(gate)), verdict_(std::move(verdict)) {}
  void reap();

  pid_t pid_;
  std::string name_;
  UniqueFd gate_;     // a byte here lets the child go
  UniqueFd verdict_;  // end of file: executed; a Refusal: could not
};

}  // namespace quire::live
