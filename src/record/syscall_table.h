// record/syscall_table.h - which system calls are kept, by their number here.
#pragma once

#include <cstdint>
#include <span>

#include "trace/event.h"

namespace quire::record {

// Where a call is told: when it returns, and for some also when it
// begins.
enum class When : std::uint8_t { kExit, kEnterAndExit };

struct KeptSyscall {
  unsigned number;
  trace::Sys sys;
  When when;
};

[[nodiscard]] std::span<const KeptSyscall> kept_syscalls();

// Stands for execve and execveat in the table of calls told when they begin:
// not an event, but where the first program's own faults begin.
inline constexpr std::uint8_t kExecveMark = 255;

}  // namespace quire::record
