#include "split/split_words.h"

#include <gtest/gtest.h>

namespace quire::split {
namespace {

SplitWords parsed(std::string_view text) {
  const auto words = parse_split_words(text);
  EXPECT_TRUE(words.has_value()) << text;
  return words.value_or(SplitWords{});
}

// Addresses are rounded down to pages; order and page are what is left out most.
TEST(SplitWords, OfAProcess) {
  const SplitWords plain = parsed("12,0x200000fff,0x200010000\n");
  EXPECT_EQ(plain.form, SplitWords::Form::kProcess);
  EXPECT_EQ(plain.pid, 12);
  EXPECT_EQ(plain.start, VirtAddr(0x200000000));
  EXPECT_EQ(plain.end, VirtAddr(0x200010000));
  EXPECT_EQ(plain.order, 0U);
  EXPECT_EQ(plain.page, -1);
  const SplitWords full = parsed(" 12,0x1000,0x2000,4, 7junk");
  EXPECT_EQ(full.order, 4U);
  EXPECT_EQ(full.page, 7);
}

// A lone 1 is everything, and so is a 1 with no address behind it.
TEST(SplitWords, OfAll) {
  EXPECT_EQ(parsed("1").form, SplitWords::Form::kAll);
  EXPECT_EQ(parsed("1,nothing").form, SplitWords::Form::kAll);
  EXPECT_EQ(parsed("1,0x1000,0x2000").form, SplitWords::Form::kProcess);
}

// What is too short, or names a file.
TEST(SplitWords, Refused) {
  for (const char* text : {"", "x", "2", "12,0x1000", "12,1000,2000", "12,0x1000,2000", "/tmp/f,0x0,0x1000"})
    EXPECT_EQ(parse_split_words(text).error(), Errno::kInval) << text;
}

}  // namespace
}  // namespace quire::split
