#include "report/html/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quire::report {
namespace {

constexpr double kSame = 0.0005;  // what one decimal of a percentage does not show
constexpr const char* kNothing = "–";
constexpr double kMost = 9e18;  // what the figures below can hold

std::string both(const Number& a, const Number& b) {
  return fmt::format("{}; beside {}", a.origin, b.origin);
}

Tone tone_of_change(double change) { return change < 0 ? Tone::kBetter : Tone::kWorse; }

Cell error_cell(const std::optional<Number>& predicted, const std::optional<Number>& measured, Unit unit) {
  if (!predicted || !measured) return {kNothing};
  const double off = measured->value - predicted->value;
  if (off == 0) return {"0", both(*measured, *predicted)};
  const char* const sign = off < 0 ? "−" : "+";
  return {fmt::format("{}{}", sign, number_text(std::abs(off), unit)), both(*measured, *predicted)};
}

bool is_measured(const PolicyView& view) { return view.verified.has_value(); }

std::vector<Heading> headings_of(const std::vector<const PolicyView*>& views) {
  std::vector<Heading> headings{{"", Align::kLeft}};
  for (const PolicyView* const view : views) {
    headings.push_back({is_measured(*view) ? view->title() + ", predicted" : view->title()});
    if (!is_measured(*view)) continue;
    headings.push_back({"measured"});
    headings.push_back({"error"});
  }
  return headings;
}

std::vector<Cell> cells_of(const FigureRow& row, const std::vector<const PolicyView*>& views) {
  std::vector<Cell> cells{{row.label}};
  for (const PolicyView* const view : views) {
    const auto predicted = view->predicted(row.key);
    cells.push_back(predicted_cell(*view, row.key, row.unit));
    if (!is_measured(*view)) continue;
    const auto measured = view->measured(row.key);
    cells.push_back(cell_of(measured, row.unit));
    cells.push_back(error_cell(predicted, measured, row.unit));
  }
  return cells;
}

}  // namespace

std::string number_text(double value, Unit unit) {
  const double whole = std::clamp(value, 0.0, kMost);
  std::string text = text_of(Figure{"", "", static_cast<std::uint64_t>(std::llround(whole)), unit});
  if (text.ends_with(" us")) text.replace(text.size() - 2, 1, "µ");
  return text;
}

Cell cell_of(const std::optional<Number>& number, Unit unit, Tone tone) {
  if (!number) return {kNothing};
  return {number_text(number->value, unit), number->origin, tone};
}

Cell change_cell(const std::optional<Number>& value, const std::optional<Number>& base) {
  if (!value || !base || base->value <= 0) return {kNothing};
  if (value->origin == base->origin) return {"base", base->origin};
  const double change = value->value / base->value - 1;
  if (std::abs(change) < kSame) return {"same", both(*value, *base)};
  return {fmt::format("{:+.1f} %", change * 100), both(*value, *base), tone_of_change(change)};
}

Cell ratio_cell(const std::optional<Number>& value, const std::optional<Number>& base) {
  if (!value || !base || base->value <= 0) return {kNothing};
  return {fmt::format("{:.3f}x", value->value / base->value), both(*value, *base)};
}

Cell predicted_cell(const PolicyView& view, const std::string& key, Unit unit) {
  return cell_of(view.predicted(key), unit, view.measured(key) ? Tone::kPlain : Tone::kUnmeasured);
}

Table figures_table(const std::string& caption, const std::vector<const PolicyView*>& views,
                    const std::vector<FigureRow>& rows) {
  Table table{caption, headings_of(views), {}};
  for (const FigureRow& row : rows) {
    const bool known = std::ranges::any_of(
        views, [&](const PolicyView* v) { return v->predicted(row.key) || v->measured(row.key); });
    if (known) table.rows.push_back(cells_of(row, views));
  }
  return table;
}

}  // namespace quire::report
