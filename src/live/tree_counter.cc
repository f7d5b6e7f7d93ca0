#include "live/tree_counter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

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

// In the child: nothing here allocates.
int redirect(const std::optional<std::string>& path, int flags, int target) {
  if (!path) return 0;
  const int fd = ::open(path->c_str(), flags | O_CLOEXEC, 0600);
  return fd < 0 || ::dup2(fd, target) < 0 ? errno : 0;
}

Result<Launch, Diagnostic> start(const RunSpec& spec) {
  if (spec.command.empty()) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "", "no command to run", "give one after --"});
  }
  return Launch::start({.command = spec.command,
                        .aslr = spec.aslr,
                        .small_pages = spec.small_pages,
                        .signal_mask = std::nullopt,
                        .prepare_child = [&spec] {
                          constexpr int kNew = O_WRONLY | O_CREAT | O_TRUNC;
                          int error = redirect(spec.stdin_path, O_RDONLY, STDIN_FILENO);
                          if (error == 0) error = redirect(spec.stdout_path, kNew, STDOUT_FILENO);
                          if (error == 0) error = redirect(spec.stderr_path, kNew, STDERR_FILENO);
                          return error;
                        }});
}

Diagnostic not_started(const RunSpec& spec, const Refusal& refusal) {
  return {Diagnostic::Kind::kFailure, spec.command.front(),
          fmt::format("{}: {}",
                      refusal.by_exec ? "cannot be executed" : "its input, output or huge pages cannot be set",
                      std::generic_category().message(refusal.error)),
          ""};
}

}  // namespace

Result<TreeCounts, Diagnostic> run_counted(const RunSpec& spec) {
  auto launch = QUIRE_TRY(start(spec));
  auto program = QUIRE_TRY(TreeProgram::attach());
  program.watch(launch.pid());
  std::optional<Clock::time_point> deadline;
  if (spec.timeout) deadline = Clock::now() + *spec.timeout;
  const pid_t pid = launch.pid();
  TreeCounts times;
  if (const auto refusal = launch.go(); refusal) {
    reap(pid, times);
    return fail(not_started(spec, *refusal));
  }
  program.command_started();

  const bool timed_out = program.wait_until_empty(deadline) == TreeProgram::Wait::deadline;
  if (timed_out && !kill_tree(program)) {
    return fail(Diagnostic{Diagnostic::Kind::kFailure, spec.command.front(),
                           "ran into its timeout and could not be killed", ""});
  }
  reap(pid, times);
  TreeCounts counts = QUIRE_TRY(program.counts());
  counts.user_ns = times.user_ns;
  counts.sys_ns = times.sys_ns;
  counts.wait_status = times.wait_status;
  counts.timed_out = timed_out;
  return counts;
}

}  // namespace quire::live
