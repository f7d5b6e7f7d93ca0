#include "convert/text_cursor.h"

namespace quire::convert {

std::optional<std::uint64_t> take_seconds(TextCursor& cursor) {
  constexpr std::uint64_t kBillion = 1'000'000'000;
  const auto seconds = cursor.number<std::uint64_t>();
  if (!seconds || *seconds >= (1ULL << 63) / kBillion) return std::nullopt;
  std::uint64_t nanoseconds = *seconds * kBillion;
  if (!cursor.skip(".")) return nanoseconds;
  std::uint64_t unit = kBillion / 10;
  std::string_view digits = cursor.rest();
  while (!digits.empty() && is_digit(digits.front())) {
    nanoseconds += static_cast<std::uint64_t>(digits.front() - '0') * unit;
    unit /= 10;
    digits.remove_prefix(1);
  }
  cursor.skip(cursor.rest().substr(0, cursor.rest().size() - digits.size()));
  return nanoseconds;
}

}  // namespace quire::convert
