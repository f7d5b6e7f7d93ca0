// base/size.h - sizes as people and the kernel write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "quire/types.h"

namespace quire::base {

// Reads "64K", "64KiB", "64kB", "2M", "1G" or plain bytes. Nothing when the
// text is not a size or the size does not fit 64 bits.
[[nodiscard]] std::optional<ByteCount> parse_size(std::string_view text);

// "64K", "2M", "1G": the spelling of the kernel's command line, for sizes
// that are a whole number of KiB; plain bytes otherwise.
[[nodiscard]] std::string short_size(ByteCount bytes);

// For people: "1.5 MiB".
[[nodiscard]] std::string human_size(ByteCount bytes);

// "64kB": the spelling of the sysfs directories hugepages-64kB.
[[nodiscard]] std::string sysfs_size(Order order);

}  // namespace quire::base
