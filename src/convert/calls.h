// convert/calls.h - the system calls importers look for, by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quire::convert {

// What matters about a call beside its number.
enum class Role : std::uint8_t {
  kMemory,  // kept in recordings
  kMaps,    // as well, and may map a file: mmap
  kClone,   // makes a task: its result is the new one's number
  kExec,
};

struct Call {
  std::string_view name;
  std::uint64_t number;  // here
  Role role;
  std::uint8_t least_args;  // without which it means nothing
};

// Nothing for calls that say nothing about memory or tasks.
[[nodiscard]] std::optional<Call> find_call(std::string_view name);
[[nodiscard]] std::optional<Call> find_call(std::uint64_t number);

}  // namespace quire::convert
