// report/table.h - figures side by side, as aligned text.
#pragma once

#include <string>
#include <vector>

#include "report/colour.h"
#include "report/figure.h"

namespace quire::report {

struct Column {
  std::string heading;
  Sheet sheet;
};

// One row a figure, one column a sheet; all sheets hold the same figures in the
// same order. Labels stand left, values right. Headings that would make the
// columns too wide become numbers, explained below the table.
[[nodiscard]] std::string table_of(const std::vector<Column>& columns, Ink ink = {});

}  // namespace quire::report
