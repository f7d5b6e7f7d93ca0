#include "lab/run_again.h"

#include <poll.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "lab/as_recorded.h"
#include "lab/mode_sampler.h"
#include "lab/run_streams.h"
#include "live/launch.h"
#include "live/unique_fd.h"

namespace quire::lab {
namespace {

using Watched = Result<ModeSampler, Diagnostic>;

double ns_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
}

// Whether the process ended in time; meanwhile its samples are taken. Without
// pidfd_open it is waited for as long as it takes.
bool ends_in_time(pid_t pid, std::optional<std::chrono::milliseconds> timeout, Watched& samples) {
  using Clock = std::chrono::steady_clock;
  const live::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return true;
  pollfd wanted{.fd = process.get(), .events = POLLIN, .revents = 0};
  const Clock::time_point begin = Clock::now();
  for (;;) {
    const int ready = ::poll(&wanted, 1, static_cast<int>(ModeSampler::kDrainEvery.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
    if (samples) samples->drain();
    if (timeout && Clock::now() - begin > *timeout) return false;
  }
}

RunTime time_of(const rusage& usage, Watched& samples) {
  const double user = ns_of(usage.ru_utime);
  const double sys = ns_of(usage.ru_stime);
  const auto share = samples ? samples->kernel_share() : std::nullopt;
  if (!share) return {user, sys, ModesBy::kTicks};
  const double all = user + sys;
  RunTime time{all * (1 - share->kernel), all * share->kernel, ModesBy::kSamples};
  if (share->faults) time.fault_ns = all * *share->faults;
  return time;
}

}  // namespace

RunAgain::RunAgain(std::string file, trace::Header header, std::optional<std::chrono::milliseconds> timeout)
    : file_(std::move(file)), header_(std::move(header)) {
  spec_.command = header_.argv;
  const bool fixed = (header_.personality & ADDR_NO_RANDOMIZE) != 0;
  spec_.aslr = fixed ? live::Aslr::kOff : live::Aslr::kHost;
  spec_.timeout = timeout;
}

std::unexpected<Diagnostic> RunAgain::too_long() const {
  return fail(Diagnostic{.where = spec_.command.front(),
                         .what = "did not end in time and was killed",
                         .hint = "give it more with --timeout"});
}

Result<live::TreeCounts, Diagnostic> RunAgain::counted() const {
  rewind_input();
  const AsRecorded there = QUIRE_TRY(AsRecorded::enter(file_, header_));
  live::TreeCounts counts = QUIRE_TRY(live::run_counted(spec_));
  if (counts.timed_out) return too_long();
  return counts;
}

Result<RunTime, Diagnostic> RunAgain::timed() const {
  rewind_input();
  const AsRecorded there = QUIRE_TRY(AsRecorded::enter(file_, header_));
  live::LaunchSpec spec;
  spec.command = spec_.command;
  spec.aslr = spec_.aslr;
  live::Launch launch = QUIRE_TRY(live::Launch::start(spec));
  const pid_t pid = launch.pid();
  Watched samples = ModeSampler::watch(pid);
  if (launch.go())
    return fail(Diagnostic{.where = spec_.command.front(), .what = "cannot be started", .hint = ""});
  const bool in_time = ends_in_time(pid, spec_.timeout, samples);
  if (!in_time) ::kill(pid, SIGKILL);
  rusage usage{};
  int status = 0;
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (!in_time) return too_long();
  return time_of(usage, samples);
}

}  // namespace quire::lab
