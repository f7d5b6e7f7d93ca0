// lab/fault_handler.h - where in the running kernel page faults are handled.
//
// Reads: /proc/kallsyms.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>

namespace quire::lab {

// Addresses of kernel code, from begin up to end.
struct CodeRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] bool holds(std::uint64_t ip) const { return begin <= ip && ip < end; }
  bool operator==(const CodeRange&) const = default;
};

// The outermost function that all faults of a program and nothing else go through.
// Nothing when the table lacks it, or shows addresses as zero to who has no right
// to them.
[[nodiscard]] std::optional<CodeRange> fault_handler_in(std::istream& kallsyms);
// Of this host, looked up once.
[[nodiscard]] const std::optional<CodeRange>& fault_handler();

}  // namespace quire::lab
