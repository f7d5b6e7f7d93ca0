// report/figure.h - a figure described once: its name for people, its place in
// JSON, its unit and its value. Tables and JSON are both made of these, so that
// they cannot say different things.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace quire::report {

enum class Unit : std::uint8_t { kCount, kBytes, kNanoseconds, kText };

// Where a figure appears. JSON always has it.
enum class Show : std::uint8_t {
  kAlways,
  kUnlessZero,  // a row of the table only when some column is not zero
  kJsonOnly,
};

struct Figure {
  std::string label;  // of the row
  std::string key;    // JSON pointer: "/folios/64kB"
  std::variant<std::uint64_t, std::int64_t, std::string> value;
  Unit unit = Unit::kCount;
  Show show = Show::kAlways;
};

// The figures of one column, in the order of the rows.
using Sheet = std::vector<Figure>;

// "1,234,567", "1.5 MiB", "12.3 ms": the value as people read it.
[[nodiscard]] std::string text_of(const Figure& figure);
[[nodiscard]] bool is_zero(const Figure& figure);

// The object that holds every figure at its place, in order.
[[nodiscard]] nlohmann::ordered_json json_of(const Sheet& sheet);

}  // namespace quire::report
