#include "record/ptrace_tracer.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "record/perf_pipeline.h"
#include "record/syscall_table.h"

namespace quire::record {
namespace {

constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                          PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
constexpr int kSyscallStop = SIGTRAP | 0x80;

// How long letting go of tasks that do not stop may take, in steps of 1 ms.
constexpr int kLetGoSteps = 200;

bool of_interest(std::uint64_t number) {
  if (number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork) return true;
  return std::ranges::any_of(kept_syscalls(), [&](const KeptSyscall& call) { return call.number == number; });
}

void resume(pid_t tid, int signal) { ptrace(PTRACE_SYSCALL, tid, nullptr, signal); }

}  // namespace

Result<void, int> PtraceTracer::seize(pid_t root) {
  if (ptrace(PTRACE_SEIZE, root, nullptr, kOptions) != 0) return fail(errno);
  root_ = root;
  tids_.insert(root);
  ptrace(PTRACE_INTERRUPT, root, nullptr, nullptr);  // its first stop starts the watching
  return {};
}

// Children are added to the set while it is walked: again until nothing moves.
void PtraceTracer::handle_stops(const std::function<void(PerfEvent)>& take) {
  for (bool moved = true; moved;) {
    moved = false;
    const std::vector<pid_t> tids(tids_.begin(), tids_.end());
    for (const pid_t tid : tids) {
      while (handle_one(tid, take)) moved = true;
    }
  }
}

bool PtraceTracer::handle_one(pid_t tid, const std::function<void(PerfEvent)>& take) {
  int status = 0;
  rusage usage{};
  const pid_t waited = wait4(tid, &status, __WALL | WNOHANG, &usage);
  if (waited < 0) tids_.erase(tid);
  if (waited <= 0) return false;
  if (WIFSTOPPED(status)) {
    handle_stop(tid, status, take);
    return true;
  }
  tids_.erase(tid);
  entered_.erase(tid);
  if (tid == root_) root_end_ = End{status, usage};
  return false;
}

// A return does not say from which call: the one last entered.
std::optional<PerfEvent> PtraceTracer::syscall_event(pid_t tid) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0) return std::nullopt;
  PerfEvent event;
  event.tid = static_cast<std::uint32_t>(tid);
  event.time_ns = monotonic_now_ns();
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    entered_.erase(tid);
    if (!of_interest(info.entry.nr)) return std::nullopt;
    event.type = PerfEvent::Type::kEnter;
    event.number = entered_[tid] = info.entry.nr;
    std::copy(std::begin(info.entry.args), std::end(info.entry.args), event.args.begin());
    return event;
  }
  const auto entered = entered_.extract(tid);
  if (info.op != PTRACE_SYSCALL_INFO_EXIT || entered.empty()) return std::nullopt;
  event.type = PerfEvent::Type::kReturn;
  event.number = entered.mapped();
  event.result = info.exit.rval;
  return event;
}

void PtraceTracer::handle_stop(pid_t tid, int status, const std::function<void(PerfEvent)>& take) {
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  if (signal == kSyscallStop) {
    if (auto seen = syscall_event(tid)) take(std::move(*seen));
    return resume(tid, 0);
  }
  if (event == PTRACE_EVENT_STOP) {
    const bool group_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    if (group_stop) {
      ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);  // stopped it stays, as it would without us
      return;
    }
    return resume(tid, 0);
  }
  if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &child) == 0) tids_.insert(static_cast<pid_t>(child));
    return resume(tid, 0);
  }
  resume(tid, event != 0 ? 0 : signal);
}

PtraceTracer::~PtraceTracer() {
  for (const pid_t tid : tids_) ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
  for (int step = 0; step < kLetGoSteps && !tids_.empty(); ++step) {
    for (auto tid = tids_.begin(); tid != tids_.end();) {
      int status = 0;
      const pid_t waited = waitpid(*tid, &status, __WALL | WNOHANG);
      if (waited == 0) {
        ++tid;
        continue;
      }
      if (waited > 0 && WIFSTOPPED(status)) {
        const int signal = WSTOPSIG(status);
        const bool delivered = status >> 16 == 0 && signal != kSyscallStop;
        ptrace(PTRACE_DETACH, *tid, nullptr, delivered ? signal : 0);
      }
      tid = tids_.erase(tid);
    }
    usleep(1000);
  }
}

}  // namespace quire::record
