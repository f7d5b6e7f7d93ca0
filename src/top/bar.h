// top/bar.h - amounts side by side in a row of characters. Darker is larger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "live/folio_counts.h"
#include "quire/types.h"
#include "top/line.h"

namespace quire::top {

// What a cell of a bar stands for. Folio sizes are few enough to be told apart
// without colour.
enum class Cell : std::uint8_t { kSmall, kMiddle, kLarge, kHuge, kFile, kOther, kFree };
inline constexpr std::size_t kFolioCells = 4;

[[nodiscard]] Cell cell_of(Order order);
// "4K", "8K-64K", "128K-1M", "2M".
[[nodiscard]] std::string sizes_of(Cell cell);
// One character.
[[nodiscard]] std::string glyph_of(Cell cell, Glyphs glyphs);
[[nodiscard]] Style style_of(Cell cell);

struct Part {
  Cell cell;
  ByteCount bytes;
};
// Bytes by folio size, as parts of a bar.
[[nodiscard]] std::vector<Part> parts_of(const live::ByOrder& pages);

// Appends exactly so many columns. Of a whole of nothing they are blank.
void add_bar(Line& line, const std::vector<Part>& parts, std::size_t columns, Glyphs glyphs);

}  // namespace quire::top
