// live/watchdog.h - a process that does one thing when the one that made it is
// gone.
#pragma once

#include <sys/types.h>

#include <functional>

#include "live/unique_fd.h"
#include "quire/result.h"

namespace quire::live {

// Watchdog is a child in a session of its own (no terminal signal reaches it)
// that waits for the end of file of a pipe whose other end only this object
// holds. End of file comes from the destructor, or from the kernel when the
// process dies, of whatever; then the child runs `rescue` and exits.
//
// Owns: the child, which the destructor waits for.
class Watchdog {
 public:
  // `rescue` runs in the child and must find for itself whether there is
  // anything to do. `keep` stays open there: a lock held by it is held until
  // the rescue is over.
  [[nodiscard]] static Result<Watchdog, Diagnostic> start(int keep, const std::function<void()>& rescue);

  Watchdog(Watchdog&& other) noexcept;
  Watchdog& operator=(Watchdog&&) = delete;
  ~Watchdog();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Watchdog(pid_t pid, UniqueFd lifeline) : pid_(pid), lifeline_(std::move(lifeline)) {}
  pid_t pid_;
  UniqueFd lifeline_;
};

}  // namespace quire::live
