#include "top/figures.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace quire::top {
namespace {

// Three digits that count, and never more than four characters.
std::string three_digits(double value) {
  if (value < 9.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

}  // namespace

std::string short_bytes(ByteCount bytes) {
  if (bytes.raw() == 0) return "0";
  static constexpr std::array kUnits{'B', 'K', 'M', 'G', 'T', 'P', 'E'};
  auto value = static_cast<double>(bytes.raw());
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  const bool whole = value == std::floor(value);
  return (whole ? fmt::format("{:.0f}", value) : three_digits(value)) + kUnits[unit];
}

std::string short_number(double number) {
  if (number < 0.05) return number > 0 ? "<0.1" : "0";
  static constexpr std::array kUnits{"", "k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
  const bool whole = number == std::floor(number) && unit == 0;
  return (whole ? fmt::format("{:.0f}", number) : three_digits(number)) + kUnits[unit];
}

std::string percent(double share) {
  if (share > 0 && share < 0.01) return "<1%";
  if (share < 1 && share > 0.99) return "99%";
  return fmt::format("{:.0f}%", 100 * share);
}

std::string short_age(std::chrono::nanoseconds age) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

}  // namespace quire::top
