#include "top/bar.h"

#include <gtest/gtest.h>

namespace quire::top {
namespace {

std::string bar(const std::vector<Part>& parts, std::size_t columns, Glyphs glyphs = Glyphs::kAscii) {
  Line line;
  add_bar(line, parts, columns, glyphs);
  EXPECT_EQ(line.columns(), columns);
  std::string text;
  for (const Line::Piece& piece : line.pieces()) text += piece.text;
  return text;
}

// Parts take cells by their share; the whole is always as long as asked for.
TEST(TopBar, Shares) {
  EXPECT_EQ(bar({{Cell::kSmall, 1_MiB}, {Cell::kHuge, 1_MiB}}, 8), "....####");
  EXPECT_EQ(bar({{Cell::kSmall, 1_MiB}, {Cell::kMiddle, 1_MiB}, {Cell::kLarge, 1_MiB}}, 4), ".ooO");
  EXPECT_EQ(bar({{Cell::kHuge, ByteCount(1)}, {Cell::kFree, 1_GiB}}, 4), "    ");
}

TEST(TopBar, OfNothingIsBlank) {
  EXPECT_EQ(bar({}, 3), "   ");
  EXPECT_EQ(bar({{Cell::kSmall, ByteCount()}}, 3), "   ");
}

TEST(TopBar, Utf8IsDarkerForLarger) {
  EXPECT_EQ(bar({{Cell::kSmall, 1_KiB}, {Cell::kMiddle, 1_KiB}, {Cell::kLarge, 1_KiB}, {Cell::kHuge, 1_KiB}},
                4, Glyphs::kUtf8),
            "░▒▓█");
}

// Every order has a class, and the names of the classes say which.
TEST(TopBar, ClassesOfSizes) {
  EXPECT_EQ(cell_of(kOrder0), Cell::kSmall);
  EXPECT_EQ(cell_of(Order(4)), Cell::kMiddle);
  EXPECT_EQ(cell_of(Order(5)), Cell::kLarge);
  EXPECT_EQ(cell_of(kOrderPmd), Cell::kHuge);
  EXPECT_EQ(sizes_of(Cell::kMiddle), "8K-64K");
  EXPECT_EQ(sizes_of(Cell::kLarge), "128K-1M");
}

TEST(TopBar, PartsAddUpByClass) {
  live::ByOrder pages{};
  pages[1] = PageCount(2);
  pages[4] = PageCount(16);
  const std::vector<Part> parts = parts_of(pages);
  ASSERT_EQ(parts.size(), kFolioCells);
  EXPECT_EQ(parts[1].bytes, PageCount(18).bytes());
}

}  // namespace
}  // namespace quire::top
