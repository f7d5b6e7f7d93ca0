#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace quire::report {
namespace {

constexpr std::size_t kMaxHeading = 24;

using Row = std::vector<std::string>;  // label, then one cell a column

bool shown(const std::vector<Column>& columns, std::size_t row) {
  const auto zero = [row](const Column& column) { return is_zero(column.sheet[row]); };
  switch (columns.front().sheet[row].show) {
    case Show::kAlways:
      return true;
    case Show::kUnlessZero:
      return !std::ranges::all_of(columns, zero);
    case Show::kJsonOnly:
      break;
  }
  return false;
}

Row headings(const std::vector<Column>& columns, std::string& legend) {
  Row row{""};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].heading.size() <= kMaxHeading) {
      row.push_back(columns[i].heading);
      continue;
    }
    row.push_back(fmt::format("[{}]", i + 1));
    legend += fmt::format("[{}] {}\n", i + 1, columns[i].heading);
  }
  return row;
}

std::string aligned(const std::vector<Row>& rows, Ink ink) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) {
      fmt::format_to(std::back_inserter(line), "  {:>{}}", row[i], widths[i]);
    }
    text += (&row == &rows.front() ? ink.strong(line) : line) + '\n';
  }
  return text;
}

}  // namespace

std::string table_of(const std::vector<Column>& columns, Ink ink) {
  if (columns.empty()) return "";
  std::string legend;
  std::vector<Row> rows{headings(columns, legend)};
  const std::size_t figures = columns.front().sheet.size();
  for (const Column& column : columns) QUIRE_CHECK(column.sheet.size() == figures);
  for (std::size_t i = 0; i < figures; ++i) {
    if (!shown(columns, i)) continue;
    Row row{columns.front().sheet[i].label};
    for (const Column& column : columns) row.push_back(text_of(column.sheet[i]));
    rows.push_back(std::move(row));
  }
  return aligned(rows, ink) + ink.faint(legend);
}

}  // namespace quire::report
