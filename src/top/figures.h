// top/figures.h - numbers in few columns, for people in a hurry.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "quire/types.h"

namespace quire::top {

// "0", "512K", "1.5M", "23.0G": five columns at most, binary prefixes.
[[nodiscard]] std::string short_bytes(ByteCount bytes);
// "0", "0.3", "12", "1.2k", "34k", "5.6M": five columns at most, decimal prefixes.
[[nodiscard]] std::string short_number(double number);
// "38%"; less than one but not nothing is "<1%".
[[nodiscard]] std::string percent(double share);
// "0s", "59s", "12m", "3h", "5d".
[[nodiscard]] std::string short_age(std::chrono::nanoseconds age);

// What is not known.
inline constexpr const char* kUnknown = "-";

}  // namespace quire::top
