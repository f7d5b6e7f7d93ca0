// live/tree_counter.h - runs a command and counts what the kernel did for it
// and its descendants, and for nobody else.
//
// Global counters cannot tell this process from its neighbours, who inherit an
// `always` setting too; so a BPF program counts per process tree. What each
// figure means and where it stops: docs/architecture/live.md.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "live/launch.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::live {

// How to start the command. It is started as the recorder starts it: same
// arguments, environment, folder, PATH search, and no descriptor but 0, 1, 2
// and those of the caller that are not close-on-exec.
struct RunSpec {
  std::vector<std::string> command;
  Aslr aslr = Aslr::kOff;
  bool small_pages = false;                // PR_SET_THP_DISABLE
  std::optional<std::string> stdin_path;   // none: the caller's
  std::optional<std::string> stdout_path;  // created or truncated
  std::optional<std::string> stderr_path;
  std::optional<std::chrono::milliseconds> timeout;  // for the whole tree
};

struct TreeCounts {
  // Folios made by anonymous faults, by order: what hugepages-*/stats/
  // anon_fault_alloc would show if nobody else ran. Orders 0 and 1 are not
  // counted and stay 0.
  std::array<std::uint64_t, kMaxOrder + 1> folios_by_order{};
  // Folios of order 9 made by MADV_COLLAPSE of a task of the tree.
  std::uint64_t collapsed = 0;
  // Allocations of order 2 and more by the tree for any other end: the page
  // cache, sockets, slab. Seen, and not counted above.
  std::uint64_t other_large = 0;
  // Folios asked for as a fault does and then not kept by one: lost races of
  // threads, shared memory, migration.
  std::uint64_t given_back = 0;
  std::uint64_t min_flt = 0;  // summed over the tasks at their exit,
  std::uint64_t maj_flt = 0;  // from the first execve on
  // Resident bytes (file, anonymous and shared) of the tree's largest address
  // space at its largest. Not exact on hosts of more than 16 cpus: there it is
  // the kernel's own maximum, which may be off by 32 pages a cpu and kind.
  ByteCount peak_rss;
  bool peak_rss_exact = false;
  std::uint64_t user_ns = 0;  // wait4: the command and whom it waited for
  std::uint64_t sys_ns = 0;
  std::uint64_t cpu_ns = 0;  // run time of all tasks of the tree
  int wait_status = 0;       // of the command, as wait4 gives it
  std::uint64_t tasks = 0;
  bool timed_out = false;  // and therefore killed
};

// Runs `spec.command` and returns when every task of its tree is gone. Without
// BPF: kPrivilege. A command that cannot be started: kFailure.
[[nodiscard]] Result<TreeCounts, Diagnostic> run_counted(const RunSpec& spec);

}  // namespace quire::live
