// live/process_stat.h - one line of figures of a running process, as
// /proc/<pid>/stat has it: the same for everybody, and cheap.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "quire/types.h"

namespace quire::live {

struct ProcessStat {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;  // as the process chose it: escape it
  char state = '?';  // "R", "S", "D", "Z" ...
  bool of_kernel = false;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::chrono::nanoseconds cpu{};  // user and system time, in steps of a clock tick
  std::uint64_t threads = 0;
  std::uint64_t started = 0;  // clock ticks after boot: tells a pid that was used again
  PageCount resident;         // a little late: the kernel adds up now and then
  bool operator==(const ProcessStat&) const = default;
};

// Nothing for a text that is something else.
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);
// Nothing when there is no such process.
[[nodiscard]] std::optional<ProcessStat> read_process_stat(pid_t pid);

}  // namespace quire::live
