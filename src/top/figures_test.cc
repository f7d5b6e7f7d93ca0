#include "top/figures.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace quire::top {
namespace {

TEST(TopFigures, Bytes) {
  EXPECT_EQ(short_bytes(ByteCount()), "0");
  EXPECT_EQ(short_bytes(4_KiB), "4K");
  EXPECT_EQ(short_bytes(999_KiB), "999K");
  EXPECT_EQ(short_bytes(1000_KiB), "1.0M");
  EXPECT_EQ(short_bytes(1536_KiB), "1.5M");
  EXPECT_EQ(short_bytes(23_GiB), "23G");
}

TEST(TopFigures, Numbers) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.01), "<0.1");
  EXPECT_EQ(short_number(0.3), "0.3");
  EXPECT_EQ(short_number(7), "7");
  EXPECT_EQ(short_number(1234), "1.2k");
  EXPECT_EQ(short_number(5'600'000), "5.6M");
}

// Next to nothing is not nothing, and next to all is not all.
TEST(TopFigures, Percent) {
  EXPECT_EQ(percent(0), "0%");
  EXPECT_EQ(percent(0.0001), "<1%");
  EXPECT_EQ(percent(0.999), "99%");
  EXPECT_EQ(percent(1), "100%");
}

TEST(TopFigures, Ages) {
  EXPECT_EQ(short_age(std::chrono::milliseconds(900)), "0s");
  EXPECT_EQ(short_age(std::chrono::seconds(75)), "1m");
  EXPECT_EQ(short_age(std::chrono::hours(49)), "2d");
}

// Whatever the number, it fits its column.
TEST(TopFigures, FiveColumnsAtMost) {
  base::Rng rng(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t number = rng.next() >> (rng.next() % 64);
    EXPECT_LE(short_bytes(ByteCount(number)).size(), 5U) << number;
    EXPECT_LE(short_number(static_cast<double>(number) / 10).size(), 5U) << number;
  }
}

}  // namespace
}  // namespace quire::top
