// policy/near_miss.h - "did you mean ...?"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace quire::policy {

// The candidate that takes the fewest single-letter changes to reach from
// `text`, or nothing when even that is more than a slip (a third of the
// letters, at least two). The first wins a tie.
[[nodiscard]] std::string_view nearest(std::string_view text, std::span<const std::string> candidates);

// "did you mean X?" for the nearest, or empty.
[[nodiscard]] std::string did_you_mean(std::string_view text, std::span<const std::string> candidates);

}  // namespace quire::policy
