// record/source.h - where the records of a running program come from.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quire/result.h"
#include "trace/header.h"

namespace quire::record {

using RecordSink = std::function<void(std::span<const std::byte>)>;

// One way of watching a program (a tier): BPF, perf events, or what an
// unprivileged user may do. All give the records of ring_record.h in one
// total order.
class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] virtual trace::Tier tier() const = 0;
  // What this way of watching cannot see, one sentence each.
  [[nodiscard]] virtual std::vector<std::string> lacks() const = 0;

  // Runs in the child between fork and exec; only async-signal-safe calls.
  // Returns 0 or an errno.
  virtual int prepare_child() { return 0; }

  // From now on `child`, which is waiting to exec, and all its descendants are
  // watched. It is task 1.
  [[nodiscard]] virtual Result<void, Diagnostic> follow(pid_t child) = 0;

  // Whether accessed bits can be looked at, with everything set up for it.
  [[nodiscard]] virtual Result<void, Diagnostic> watch_accessed() {
    return fail(
        Diagnostic{.kind = Diagnostic::Kind::kPrivilege,
                   .where = "record: --hotness",
                   .what = "accessed bits are read by a BPF program, and this recording is made without BPF",
                   .hint = "run as root on an x86-64 kernel of 6.7 or later, or record without --hotness"});
  }
  // Looks at them; what is found is among the records.
  virtual void look_at_accessed(std::uint64_t /*number*/) {}

  // Gives all records that are ready; and at the end all there are.
  virtual void drain(const RecordSink& sink) = 0;
  virtual void drain_all(const RecordSink& sink) { drain(sink); }

  // Whether exit records carry the kernel's fault counts of their task, or only
  // wait(2) knows those of the tree.
  enum class TaskCounts : std::uint8_t { kEach, kTreeOnly };
  [[nodiscard]] virtual TaskCounts task_counts() const { return TaskCounts::kEach; }

  // Records that found no room so far, and what else went unseen.
  [[nodiscard]] virtual std::uint64_t lost() const = 0;
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }

  // Whether the target's first process has ended, and if so how; it is then
  // waited for.
  virtual bool root_ended(pid_t root, int& status, rusage& usage) {
    const pid_t ended = wait4(root, &status, WNOHANG, &usage);
    return ended == root || (ended < 0 && errno == ECHILD);  // with SIGCHLD ignored nobody can know how
  }

  // Tasks of the tree that are still there; the root counts as one.
  [[nodiscard]] virtual std::uint64_t alive() const = 0;
};

}  // namespace quire::record
