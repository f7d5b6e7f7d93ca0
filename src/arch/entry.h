// arch/entry.h - what every architecture's page-table entries have in common.
#pragma once

#include <cstdint>

namespace quire::arch {

// One 64-bit page-table entry of any level.
struct Entry {
  std::uint64_t bits = 0;
  constexpr bool operator==(const Entry&) const = default;
};

// What an entry lets the program do.
struct Access {
  bool read = false;
  bool write = false;
  bool exec = false;
};

}  // namespace quire::arch
