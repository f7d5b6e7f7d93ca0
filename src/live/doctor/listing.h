// live/doctor/listing.h - many names in one line.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace quire::live::doctor {

// "a, b, c and 12 more"
[[nodiscard]] inline std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  if (names.size() <= kShown) return fmt::format("{}", fmt::join(names, ", "));
  const std::vector<std::string> first(names.begin(), names.begin() + kShown);
  return fmt::format("{} and {} more", fmt::join(first, ", "), names.size() - kShown);
}

}  // namespace quire::live::doctor
