#include "top/line.h"

#include <gtest/gtest.h>

#include <clocale>

namespace quire::top {
namespace {

// Wide characters take two columns, joined ones none, and none is cut in half.
TEST(TopLine, ColumnsOfATerminal) {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) GTEST_SKIP() << "no locale C.UTF-8";
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("火x"), 3U);
  EXPECT_EQ(columns_of("e\xcc\x81"), 1U);  // e and an accent of its own
  EXPECT_EQ(left("火火", 3), "火 ");
  EXPECT_EQ(right("火火", 3), " 火");
  EXPECT_EQ(clipped("░▒▓", 2), "░▒");
}

TEST(TopLine, FitsAtEitherEnd) {
  EXPECT_EQ(left("ab", 4), "ab  ");
  EXPECT_EQ(right("ab", 4), "  ab");
  EXPECT_EQ(right("abcdef", 4), "abcd");
}

// Nothing that a program calls itself moves the cursor; ASCII terminals get ASCII.
TEST(TopLine, NamesAreHarmless) {
  EXPECT_EQ(harmless("a\x1b[2Jb\xff", Glyphs::kUtf8), "a\\x1b[2Jb\\xff");
  EXPECT_EQ(harmless("é", Glyphs::kUtf8), "é");
  EXPECT_EQ(harmless("é", Glyphs::kAscii), "\\u{e9}");
}

// A line that was fitted is as wide as it was asked to be, whatever is in it.
TEST(TopLine, FitKeepsStyles) {
  Line line("abc", Style::kBold);
  line.add("def", Style::kAlert);
  line.fit(4);
  ASSERT_EQ(line.pieces().size(), 2U);
  EXPECT_EQ(line.pieces()[1].text, "d");
  EXPECT_EQ(line.pieces()[1].style, Style::kAlert);
  line.fit(8);
  EXPECT_EQ(line.columns(), 8U);
  EXPECT_EQ(line.plain(), "abcd");
}

TEST(TopLine, MarkTakesABlank) {
  Line blank(" x");
  blank.set_mark('>');
  EXPECT_EQ(blank.plain(), ">x");
  Line full("yx");
  full.set_mark('>');
  EXPECT_EQ(full.plain(), "yx");
}

}  // namespace
}  // namespace quire::top
