#include "trace/varint.h"

#include <gtest/gtest.h>

namespace quire::trace {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};

ColumnCursor cursor(const Column& column) { return {column.data(), column.data() + column.size()}; }

// Numbers at the borders of every length come back, and take the bytes they should.
TEST(Varint, ComesBackInItsLength) {
  for (unsigned bits = 1; bits <= 64; ++bits) {
    const std::uint64_t largest = kMax >> (64 - bits);
    for (const std::uint64_t value : {largest, largest - 1, largest + (bits < 64 ? 1 : 0)}) {
      Column column;
      put_varint(column, value);
      ColumnCursor reading = cursor(column);
      EXPECT_EQ(reading.varint(), value);
      EXPECT_TRUE(reading.at_end());
      EXPECT_FALSE(reading.wrong());
    }
    Column column;
    put_varint(column, largest);
    EXPECT_EQ(column.size(), (bits + 6) / 7);
  }
}

// Differences of both signs come back, small ones as small numbers.
TEST(Varint, ZigzagKeepsTheSign) {
  for (const std::uint64_t difference : {std::uint64_t{0}, std::uint64_t{1}, kMax, kMax / 2, kMax / 2 + 1}) {
    EXPECT_EQ(unzigzag(zigzag(difference)), difference);
  }
  EXPECT_EQ(zigzag(1), 2U);
  EXPECT_EQ(zigzag(kMax), 1U);  // -1
}

// A number cut off, and one of more than 64 bits, are wrong and read as 0.
TEST(Varint, CutOrTooLongIsWrong) {
  const Column cut{0x80, 0x80};
  const Column eleven(11, 0x80);
  const Column bits65{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  for (const Column& column : {cut, eleven, bits65, Column{}}) {
    ColumnCursor reading = cursor(column);
    EXPECT_EQ(reading.varint(), 0U);
    EXPECT_TRUE(reading.wrong());
  }
}

// Text longer than what is left is wrong; exactly what is left is not.
TEST(Varint, TextStaysInItsColumn) {
  const Column column{'a', 'b'};
  ColumnCursor whole = cursor(column);
  EXPECT_EQ(whole.text(2), "ab");
  EXPECT_FALSE(whole.wrong());
  ColumnCursor beyond = cursor(column);
  EXPECT_EQ(beyond.text(kMax), "");
  EXPECT_TRUE(beyond.wrong());
}

}  // namespace
}  // namespace quire::trace
