#include "report/figure.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/size.h"

namespace quire::report {
namespace {

std::string grouped(std::uint64_t number) {
  std::string text;
  const std::string digits = std::to_string(number);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string time_text(std::uint64_t ns) {
  const auto value = static_cast<double>(ns);
  if (ns >= 1'000'000'000) return fmt::format("{:.2f} s", value * 1e-9);
  if (ns >= 1'000'000) return fmt::format("{:.1f} ms", value * 1e-6);
  return fmt::format("{:.1f} us", value * 1e-3);
}

std::string magnitude(std::uint64_t value, Unit unit) {
  switch (unit) {
    case Unit::kBytes:
      return base::human_size(ByteCount(value));
    case Unit::kNanoseconds:
      return time_text(value);
    case Unit::kCount:
    case Unit::kText:
      break;
  }
  return grouped(value);
}

// Differences always carry their sign, so that nobody takes one for a value.
std::string signed_text(std::int64_t value, Unit unit) {
  if (value == 0) return "0";
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? fmt::format("-{}", magnitude(-bits, unit)) : fmt::format("+{}", magnitude(bits, unit));
}

}  // namespace

std::string text_of(const Figure& figure) {
  if (const auto* number = std::get_if<std::uint64_t>(&figure.value)) return magnitude(*number, figure.unit);
  if (const auto* number = std::get_if<std::int64_t>(&figure.value)) return signed_text(*number, figure.unit);
  return std::get<std::string>(figure.value);
}

bool is_zero(const Figure& figure) {
  if (const auto* number = std::get_if<std::uint64_t>(&figure.value)) return *number == 0;
  if (const auto* number = std::get_if<std::int64_t>(&figure.value)) return *number == 0;
  return false;
}

nlohmann::ordered_json json_of(const Sheet& sheet) {
  auto json = nlohmann::ordered_json::object();
  for (const Figure& figure : sheet) {
    const nlohmann::ordered_json::json_pointer place(figure.key);
    std::visit([&](const auto& value) { json[place] = value; }, figure.value);
  }
  return json;
}

}  // namespace quire::report
