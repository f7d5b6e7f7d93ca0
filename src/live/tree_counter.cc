#include "live/tree_counter.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cerrno>

#include "live/launch.h"
#include "live/tree_program.h"

namespace quire::live {

namespace {

using Clock = TreeProgram::Clock;

std::uint64_t ns_of(const timeval& t) {
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_usec) * 1000U;
}

// A member killed while it forks can leave a child that the sweep missed, so
// sweep until nothing is left; a task that cannot die ends the patience.
bool kill_tree(TreeProgram& program) {
  const auto patience = Clock::now() + std::chrono::seconds(30);
  while (Clock::now() < patience) {
    program.kill_all();
    const auto soon = Clock::now() + std::chrono::milliseconds(50);
    if (program.wait_until_empty(soon) == TreeProgram::Wait::empty) return true;
  }
  return false;
}

void reap(pid_t pid, TreeCounts& counts) {
  rusage usage{};
  while (::wait4(pid, &counts.wait_status, 0, &usage) < 0 && errno == EINTR) {
  }
  counts.user_ns = ns_of(usage.ru_utime);
  counts.sys_ns = ns_of(usage.ru_stime);
}

}  // namespace

Result<TreeCounts, Diagnostic> run_counted(const RunSpec& spec) {
  auto launch = QUIRE_TRY(Launch::prepare(spec));
  auto program = QUIRE_TRY(TreeProgram::attach());
  program.watch(launch.pid());
  std::optional<Clock::time_point> deadline;
  if (spec.timeout) deadline = Clock::now() + *spec.timeout;
  QUIRE_TRY(launch.go());
  program.command_started();
  const pid_t pid = launch.pid();
  launch.release();

  const bool timed_out = program.wait_until_empty(deadline) == TreeProgram::Wait::deadline;
  if (timed_out && !kill_tree(program)) {
    return fail(Diagnostic{Diagnostic::Kind::kFailure, spec.command.front(),
                           "ran into its timeout and could not be killed", ""});
  }
  TreeCounts times;
  reap(pid, times);
  TreeCounts counts = QUIRE_TRY(program.counts());
  counts.user_ns = times.user_ns;
  counts.sys_ns = times.sys_ns;
  counts.wait_status = times.wait_status;
  counts.timed_out = timed_out;
  return counts;
}

}  // namespace quire::live
