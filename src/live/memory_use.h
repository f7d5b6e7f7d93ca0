// live/memory_use.h - how the memory of the host is used, and what is free in
// blocks of which size.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "quire/types.h"

namespace quire::live {

// /proc/meminfo under its own names ("MemTotal", "AnonPages"); what is no size
// is left out.
using MemInfo = std::map<std::string, ByteCount, std::less<>>;
// Free memory by the order of its blocks, from /proc/buddyinfo: all nodes and
// zones together. Blocks of a higher order than that of a PMD count under it, for
// that is what they can serve.
using FreeBlocks = std::map<Order, ByteCount>;

[[nodiscard]] MemInfo parse_meminfo(std::string_view text);
[[nodiscard]] FreeBlocks parse_buddyinfo(std::string_view text);

// `root` is "/" or holds a copy of a host's /proc. Empty when it cannot be read.
[[nodiscard]] MemInfo read_meminfo(const std::filesystem::path& root = "/");
[[nodiscard]] FreeBlocks read_buddyinfo(const std::filesystem::path& root = "/");

// 0 for what meminfo does not have.
[[nodiscard]] ByteCount bytes_of(const MemInfo& memory, std::string_view name);

}  // namespace quire::live
