// top/columns.h - the columns of the process table.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "top/frame.h"
#include "top/line.h"

namespace quire::top {

enum class ColumnId : std::uint8_t {
  kPid,
  kUser,
  kState,
  kCpu,
  kMinor,
  kMajor,
  kRss,
  kAnon,
  kLarge,
  kPartial,
  kWaste,
  kAge,
  kName,
};

// What a process is sorted by. Unknown figures come last in either direction.
using SortKey = std::optional<std::variant<double, std::string>>;

struct Column {
  ColumnId id;
  std::string_view word;     // of --sort
  std::string_view heading;  // in the table
  std::string_view meaning;  // in the menu of F6
  std::size_t columns;       // of the screen; the name takes what is left
  std::size_t least_screen;  // left out where the screen has fewer columns
  enum class Align : std::uint8_t { kLeft, kRight } align;
  enum class First : std::uint8_t { kSmallest, kLargest } first;  // when it sorts
};

// From left to right; every one of them can sort.
[[nodiscard]] const std::vector<Column>& columns();
[[nodiscard]] const Column& column(ColumnId id);
[[nodiscard]] const Column* column_of(std::string_view word);

[[nodiscard]] SortKey sort_key(const Process& process, ColumnId id, Time now);
[[nodiscard]] std::string cell_text(const Process& process, ColumnId id, Time now, Glyphs glyphs);

}  // namespace quire::top
