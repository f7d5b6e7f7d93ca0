// convert/perf_script_line.h - one line of `perf script`: who, when, and what
// follows the time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "quire/result.h"
#include "record/perf_event.h"

namespace quire::convert {

//   COMMAND PID[/TID] [CPU] SECONDS: [PERIOD] EVENT: TEXT
//   COMMAND PID[/TID] SECONDS: PERF_RECORD_WHAT TEXT
struct PerfScriptLine {
  std::uint32_t tid = 0;
  std::uint64_t time_ns = 0;
  std::string_view event;    // "syscalls:sys_enter_mmap", "PERF_RECORD_MMAP2"
  std::string_view text;     // what follows
  std::uint64_t period = 1;  // how many occurrences it stands for
};

// Nothing when the line has no such shape. A command may hold spaces and
// digits: the first place that fits is taken.
[[nodiscard]] std::optional<PerfScriptLine> split_perf_script(std::string_view line);

// The records that --show-task-events and --show-mmap-events print. On failure:
// what was expected. kMmap of the kernel's own addresses is no failure: nothing.
[[nodiscard]] Result<std::optional<record::PerfEvent>, std::string> read_mmap(const PerfScriptLine& line);
[[nodiscard]] Result<record::PerfEvent, std::string> read_fork_or_exit(const PerfScriptLine& line);
// Nothing when the name was changed by other means than exec.
[[nodiscard]] Result<std::optional<record::PerfEvent>, std::string> read_comm(const PerfScriptLine& line);

// The highest address of a program, with five levels of page tables.
inline constexpr std::uint64_t kUserEnd = 1ULL << 56;

}  // namespace quire::convert
