// record/ptrace_tracer.h - the system calls of a program and its descendants,
// seen without privilege.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "quire/result.h"
#include "record/perf_event.h"

namespace quire::record {

// Stops the tasks of a tree at each system call just long enough to look.
//
// A seccomp filter would stop only at the calls of interest, but it outlives
// its tracer: were the recorder killed, those calls would fail in the target
// for ever. Plain ptrace ends with the tracer and leaves the target running.
//
// States      : Idle -> Tracing (seize) -> tasks end, or are let go by the destructor
// Refers to   : nothing; all calls from the thread that seized
// Invariants  : I-PTRACE-1 every stop that was waited for is resumed at once
//               I-PTRACE-2 every signal of the target is passed on
class PtraceTracer {
 public:
  PtraceTracer() = default;
  ~PtraceTracer();
  PtraceTracer(const PtraceTracer&) = delete;
  PtraceTracer& operator=(const PtraceTracer&) = delete;

  // Gives the errno of a refusal.
  [[nodiscard]] Result<void, int> seize(pid_t root);

  // Handles all stops there are: system calls entered and left go to `take`,
  // stamped with the clock of the rings.
  void handle_stops(const std::function<void(PerfEvent)>& take);

  // How the first process ended, once it has: it has been waited for here.
  struct End {
    int status = 0;
    rusage usage{};
  };
  [[nodiscard]] const std::optional<End>& root_end() const { return root_end_; }

 private:
  bool handle_one(pid_t tid, const std::function<void(PerfEvent)>& take);
  void handle_stop(pid_t tid, int status, const std::function<void(PerfEvent)>& take);

  [[nodiscard]] std::optional<PerfEvent> syscall_event(pid_t tid);

  pid_t root_ = 0;
  std::set<pid_t> tids_;
  std::map<pid_t, std::uint64_t> entered_;  // the call of interest a task is in
  std::optional<End> root_end_;
};

}  // namespace quire::record
