// report/html/numbers.h - numbers of RUNs as cells of tables, with their origins.
#pragma once

#include <optional>
#include <string>

#include "report/figure.h"
#include "report/html/content.h"
#include "report/html/model.h"

namespace quire::report {

// "1,234", "1.5 MiB", "12.3 ms"; a dash where nothing is known.
[[nodiscard]] std::string number_text(double value, Unit unit);
[[nodiscard]] Cell cell_of(const std::optional<Number>& number, Unit unit, Tone tone = Tone::kPlain);

// `value` beside `base`, as "+12.3 %"; both origins. Less is better. Of the base itself: "base".
[[nodiscard]] Cell change_cell(const std::optional<Number>& value, const std::optional<Number>& base);
// The same as "0.823x".
[[nodiscard]] Cell ratio_cell(const std::optional<Number>& value, const std::optional<Number>& base);

// The prediction of that figure; plain where the same was measured.
[[nodiscard]] Cell predicted_cell(const PolicyView& view, const std::string& key, Unit unit);

// A figure that tables show for each policy.
struct FigureRow {
  const char* label;
  const char* key;  // JSON pointer
  Unit unit;
};

// One table for `views`, a row a figure; rows nobody has a number for are left out. Where
// measured, the policy has three columns.
[[nodiscard]] Table figures_table(const std::string& caption, const std::vector<const PolicyView*>& views,
                                  const std::vector<FigureRow>& rows);

}  // namespace quire::report
