#include "live/memory_use.h"

#include <algorithm>
#include <sstream>

#include "live/file_ops.h"

namespace quire::live {

MemInfo parse_meminfo(std::string_view text) {
  MemInfo memory;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, unit;
    std::uint64_t kib = 0;
    if (!(words >> name >> kib >> unit) || unit != "kB" || !name.ends_with(':')) continue;
    name.pop_back();
    memory[name] = ByteCount(kib << 10);
  }
  return memory;
}

// "Node 0, zone   Normal    216     55     18 ...": blocks of order 0, 1, 2 ...
FreeBlocks parse_buddyinfo(std::string_view text) {
  FreeBlocks free;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string node, number, zone, name;
    if (!(words >> node >> number >> zone >> name) || node != "Node") continue;
    std::uint64_t blocks = 0;
    for (unsigned order = 0; order < 64 - kPageShift && words >> blocks; ++order)
      free[std::min(Order(order), kOrderPmd)] += ByteCount(blocks * Order(order).bytes().raw());
  }
  return free;
}

MemInfo read_meminfo(const std::filesystem::path& root) {
  return parse_meminfo(real_file_ops().read(root / "proc/meminfo").value_or(""));
}

FreeBlocks read_buddyinfo(const std::filesystem::path& root) {
  return parse_buddyinfo(real_file_ops().read(root / "proc/buddyinfo").value_or(""));
}

ByteCount bytes_of(const MemInfo& memory, std::string_view name) {
  const auto found = memory.find(name);
  return found == memory.end() ? ByteCount() : found->second;
}

}  // namespace quire::live
