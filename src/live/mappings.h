// live/mappings.h - the mappings of a running process, as /proc/<pid>/maps and
// /proc/<pid>/smaps list them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::live {

struct Mapping {
  VirtRange range;
  std::string permissions;  // "rw-p"
  std::uint64_t offset = 0;
  std::uint32_t major = 0, minor = 0;  // of the device
  std::uint64_t inode = 0;
  std::string name;  // as others chose it: escape it before it reaches a terminal
  // The sizes smaps gives, under its names and in its order; none from maps. The
  // two sizes of a page are left out: they cannot be added up.
  std::vector<std::pair<std::string, ByteCount>> smaps;
  bool operator==(const Mapping&) const = default;
};

// kSmapsRollup gives one mapping, "[rollup]", with the sizes of all added up.
enum class MappingsFile : std::uint8_t { kMaps, kSmaps, kSmapsRollup };

// The text of either file. kFailure, with the line, when it is something else.
[[nodiscard]] Result<std::vector<Mapping>, Diagnostic> parse_mappings(std::string_view text);

// None for a kernel thread and for a process that has ended. kPrivilege for
// somebody else's process.
[[nodiscard]] Result<std::vector<Mapping>, Diagnostic> read_mappings(pid_t pid, MappingsFile file);

}  // namespace quire::live
