// trace/header.h - what a recording says about itself: where and how it was
// made (Header), how it ended (Summary), and whether it can be believed (Gate).
//
// All three are stored as JSON inside their own chunks; members a reader does
// not know are skipped, missing required ones are a Diagnostic.
// docs/reference/recording-format.md explains every member.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quire/result.h"

namespace quire::trace {

// The newest version of the file layout this build reads and writes. Version 2
// may hold kAccessed events; a recording without them is written as version 1,
// which older readers understand.
inline constexpr std::uint32_t kFormatVersion = 2;
inline constexpr std::uint32_t kPlainVersion = 1;

// By which means the events were seen. What a tier cannot see is in
// Header::lacks.
enum class Tier : std::uint8_t {
  kBpf = 1,           // BPF on tracepoints, one ring
  kPerf = 2,          // perf tracepoints, one ring for each cpu
  kUnprivileged = 3,  // software page-fault event, ptrace for system calls
  kImported = 4,      // by another program (Header::imported_from), and converted
};

// "bpf", "perf", "unprivileged", "imported"; and back.
[[nodiscard]] std::string_view tier_name(Tier tier);
[[nodiscard]] std::optional<Tier> tier_from_name(std::string_view name);

struct Header {
  std::uint32_t format_version = kPlainVersion;  // of the file: as written, and as read
  std::string tool_version;                      // the Quire that recorded
  Tier tier = Tier::kBpf;
  std::vector<std::string> lacks;  // what the tier cannot see, one sentence each
  std::string kernel_release;      // uname -r
  std::string machine;             // uname -m
  std::uint64_t page_size = 4096;
  std::uint32_t cpus = 0;
  std::uint64_t ram_bytes = 0;
  std::int64_t wall_clock_start = 0;  // unix seconds
  std::vector<std::string> argv;
  std::vector<std::string> envp;  // "NAME=value"; values blanked, same length, when scrubbed
  std::string cwd;
  std::uint64_t personality = 0;                                           // personality(2) of the target
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> rlimits;  // "stack" -> {soft, hard}
  std::map<std::string, std::string> thp_state;  // "enabled", "hugepages-64kB/enabled" -> its text
  std::uint64_t fault_around_bytes = 0;          // 0: unknown
  bool thp_disabled_while_recording = false;     // PR_SET_THP_DISABLE held for the target
  bool scrubbed = false;
  std::string imported_from;  // kImported: "perf script", "strace", "lackey"; otherwise empty

  bool operator==(const Header&) const = default;
};

// The completeness gate: can every counted fault of the run be accounted for?
struct Gate {
  bool passed = false;
  std::uint64_t recorded_faults = 0;    // touches that the kernel counted
  std::uint64_t modelled_populate = 0;  // pages put in without a fault (populate, mlock, exec arguments)
  std::uint64_t kernel_faults = 0;      // sum of min_flt and maj_flt over the tasks
  std::uint64_t replayed_faults = 0;    // what a replay with small pages only counts
  std::vector<std::string> failures;    // one sentence each; empty when passed

  bool operator==(const Gate&) const = default;
};

struct Summary {
  std::uint64_t lost_events = 0;
  std::uint64_t events = 0;   // records in the file
  std::uint64_t touches = 0;  // of these, touches the kernel counted as faults
  std::uint64_t min_flt = 0;  // sums over all tasks, as the kernel counted
  std::uint64_t maj_flt = 0;
  std::uint64_t tasks = 0;
  int exit_status = 0;            // wait(2) status of the target
  bool interrupted = false;       // stopped by a signal to the recorder
  std::uint64_t cpu_user_ns = 0;  // of the target and its waited-for children
  std::uint64_t cpu_sys_ns = 0;
  std::optional<Gate> gate;  // from the last gate chunk of the file

  bool operator==(const Summary&) const = default;
};

}  // namespace quire::trace
