#include "live/watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "live/file_ops.h"

namespace quire::live {

namespace {

// Everything but stderr (for the loudest message there is), the pipe and the
// lock: a descriptor left open here would keep somebody's pipe from ending.
void close_others(int a, int b) {
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  const auto low = static_cast<unsigned>(std::min(a, b));
  const auto high = static_cast<unsigned>(std::max(a, b));
  if (low > 3) ::close_range(3, low - 1, 0);
  if (high > low + 1) ::close_range(low + 1, high - 1, 0);
  ::close_range(high + 1, ~0U, 0);
}

void outlive_the_holder() {
  ::setsid();
  if (::chdir("/") != 0) return;  // keeps no file system busy; not vital
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) ::signal(signal, SIG_IGN);
  ::prctl(PR_SET_NAME, "quire-restore");
  ::prctl(PR_SET_PDEATHSIG, 0);
}

[[noreturn]] void watch(int lifeline, int keep, const std::function<void()>& rescue) {
  outlive_the_holder();
  close_others(lifeline, keep);
  char byte = 0;
  while (::read(lifeline, &byte, 1) < 0 && errno == EINTR) {
  }
  rescue();
  ::_exit(0);
}

Diagnostic cannot_start() {
  return {Diagnostic::Kind::kFailure, "watchdog", "cannot be started: " + message_of(last_errc()), ""};
}

}  // namespace

Result<Watchdog, Diagnostic> Watchdog::start(int keep, const std::function<void()>& rescue) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(cannot_start());
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(cannot_start());
  if (pid == 0) {
    write_end.reset();
    watch(read_end.get(), keep, rescue);
  }
  return Watchdog(pid, std::move(write_end));
}

Watchdog::Watchdog(Watchdog&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), lifeline_(std::move(other.lifeline_)) {}

Watchdog::~Watchdog() {
  if (pid_ == 0) return;
  lifeline_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace quire::live
