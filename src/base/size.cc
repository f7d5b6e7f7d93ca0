#include "base/size.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace quire::base {

std::optional<ByteCount> parse_size(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static constexpr std::array<std::pair<std::string_view, unsigned>, 15> kUnits{{{"", 0},
                                                                                 {"B", 0},
                                                                                 {"K", 10},
                                                                                 {"k", 10},
                                                                                 {"KiB", 10},
                                                                                 {"kB", 10},
                                                                                 {"KB", 10},
                                                                                 {"M", 20},
                                                                                 {"MiB", 20},
                                                                                 {"MB", 20},
                                                                                 {"G", 30},
                                                                                 {"GiB", 30},
                                                                                 {"GB", 30},
                                                                                 {"T", 40},
                                                                                 {"TiB", 40}}};
  for (const auto& [name, shift] : kUnits) {
    if (unit != name) continue;
    if (shift != 0 && n > (~0ULL >> shift)) return std::nullopt;
    return ByteCount(n << shift);
  }
  return std::nullopt;
}

std::string short_size(ByteCount bytes) {
  const std::uint64_t n = bytes.raw();
  if (n == 0 || n % 1024 != 0) return fmt::format("{}", n);
  if (n % (1ULL << 30) == 0) return fmt::format("{}G", n >> 30);
  if (n % (1ULL << 20) == 0) return fmt::format("{}M", n >> 20);
  return fmt::format("{}K", n >> 10);
}

std::string human_size(ByteCount bytes) {
  static constexpr std::array<const char*, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes.raw() < 1024) return fmt::format("{} B", bytes.raw());
  double value = static_cast<double>(bytes.raw());
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kNames[unit]);
}

std::string sysfs_size(Order order) { return fmt::format("{}kB", order.bytes().raw() >> 10); }

}  // namespace quire::base
