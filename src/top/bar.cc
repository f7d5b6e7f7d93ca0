#include "top/bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/size.h"

namespace quire::top {
namespace {

// The largest order of each class but the last.
constexpr Order kLastMiddle{4};
constexpr Order kLastLarge{kPmdOrder - 1};

}  // namespace

Cell cell_of(Order order) {
  if (order == kOrder0) return Cell::kSmall;
  if (order >= kOrderPmd) return Cell::kHuge;
  return order <= kLastMiddle ? Cell::kMiddle : Cell::kLarge;
}

std::string sizes_of(Cell cell) {
  const auto range = [](Order from, Order to) {
    return fmt::format("{}-{}", base::short_size(from.bytes()), base::short_size(to.bytes()));
  };
  switch (cell) {
    case Cell::kSmall:
      return base::short_size(kOrder0.bytes());
    case Cell::kMiddle:
      return range(Order(1), kLastMiddle);
    case Cell::kLarge:
      return range(Order(kLastMiddle.raw() + 1), kLastLarge);
    case Cell::kHuge:
      return base::short_size(kOrderPmd.bytes());
    case Cell::kFile:
      return "file";
    case Cell::kOther:
      return "other";
    case Cell::kFree:
      break;
  }
  return "free";
}

std::string glyph_of(Cell cell, Glyphs glyphs) {
  static constexpr std::array kAscii{".", "o", "O", "#", "~", "=", " "};
  static constexpr std::array kUtf8{"░", "▒", "▓", "█", "~", "=", " "};
  const auto index = static_cast<std::size_t>(cell);
  return glyphs == Glyphs::kUtf8 ? kUtf8[index] : kAscii[index];
}

Style style_of(Cell cell) {
  static constexpr std::array kStyleOf{Style::kSmall, Style::kMiddle, Style::kLarge, Style::kHuge,
                                       Style::kDim,   Style::kDim,    Style::kPlain};
  return kStyleOf[static_cast<std::size_t>(cell)];
}

std::vector<Part> parts_of(const live::ByOrder& pages) {
  std::vector<Part> parts;
  for (unsigned n = 0; n <= kPmdOrder; ++n) {
    const Cell cell = cell_of(Order(n));
    if (parts.empty() || parts.back().cell != cell) parts.push_back({cell, ByteCount()});
    parts.back().bytes += pages[n].bytes();
  }
  return parts;
}

// Each part ends where its end falls, so that rounding never adds up.
void add_bar(Line& line, const std::vector<Part>& parts, std::size_t columns, Glyphs glyphs) {
  double whole = 0;
  for (const Part& part : parts) whole += static_cast<double>(part.bytes.raw());
  double end = 0;
  std::size_t done = 0;
  for (const Part& part : parts) {
    end += static_cast<double>(part.bytes.raw());
    const double share = whole == 0 ? 0 : end / whole;
    const auto to = std::min(columns, static_cast<std::size_t>(share * static_cast<double>(columns) + 0.5));
    std::string cells;
    for (; done < to; ++done) cells += glyph_of(part.cell, glyphs);
    line.add(std::move(cells), style_of(part.cell));
  }
  line.add(std::string(columns - done, ' '));
}

}  // namespace quire::top
