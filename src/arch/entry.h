// arch/entry.h - what every architecture's page-table entries have in common.
#pragma once

#include <cstdint>
#include <string_view>

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

// Memory up to an address, for devices that reach no further.
struct ZoneSpan {
  std::string_view name;
  std::uint64_t end_bytes;
};

}  // namespace quire::arch
