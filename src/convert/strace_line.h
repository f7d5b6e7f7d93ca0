// convert/strace_line.h - one line of strace, taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/result.h"

namespace quire::convert {

// [PID | "[pid N]"] [TIME] and one of
//   name(args) = result             kCall
//   name(args <unfinished ...>      kUnfinished
//   <... name resumed>rest          kResumed
//   +++ exited with 0 +++           kEnded
//   --- SIGCHLD {...} ---           kOther, as all that is of no interest
struct StraceLine {
  enum class What : std::uint8_t { kCall, kUnfinished, kResumed, kEnded, kOther };
  // How the time is written: seconds since 1970, the time of day, or seconds
  // since the line before.
  enum class Clock : std::uint8_t { kNone, kEpoch, kDay, kStep };

  What what = What::kOther;
  Clock clock = Clock::kNone;
  std::optional<std::uint32_t> tid;  // not shown while there is only one task
  std::uint64_t time_ns = 0;
  std::string_view name;  // of the call
  std::string_view text;  // kCall, kUnfinished: behind "name("; kResumed: behind "resumed>"; kEnded: all
};

// On failure: what was expected.
[[nodiscard]] Result<StraceLine, std::string> split_strace(std::string_view line);

// A call's arguments and what stands behind them.
struct StraceCall {
  std::vector<std::string_view> args;  // at top level, blanks round them removed
  std::string_view behind;             // "= 0x7f00", "= -1 ENOMEM (...)"; empty when unfinished
};

// Splits "arg, {a, b}, \"text\") = 0"; strings, brackets and what -y puts behind
// descriptors may hold commas. Nothing when brackets or quotes do not close, or
// there are more than 4096 arguments.
[[nodiscard]] std::optional<StraceCall> split_call(std::string_view text);

// "= 0", "= 0x7f0000", "= -1 ENOMEM (Cannot allocate memory)" as the kernel
// returns it. Nothing for "= ?": the call did not return.
[[nodiscard]] Result<std::optional<std::int64_t>, std::string> read_result(std::string_view behind);

// "\"two\\n\"": the bytes between the quotes; nothing when it is no string.
[[nodiscard]] std::optional<std::string> read_string(std::string_view arg);

}  // namespace quire::convert
