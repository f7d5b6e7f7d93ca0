#include "base/size.h"

#include <gtest/gtest.h>

namespace quire::base {
namespace {

// Every spelling the kernel and people use for one size reads as that size.
TEST(Size, ReadsEverySpelling) {
  for (const char* text : {"64K", "64k", "64KiB", "64kB", "65536", "65536B"}) {
    EXPECT_EQ(parse_size(text), ByteCount(65536)) << text;
  }
  EXPECT_EQ(parse_size("2M"), 2_MiB);
  EXPECT_EQ(parse_size("1T"), ByteCount(1ULL << 40));
}

// What is not a size, or does not fit, is refused and never wraps round.
TEST(Size, RefusesWhatIsNotASize) {
  for (const char* text : {"", "K", "-1", "64Q", "64 K", "99999999999999999999", "18446744073709551615K"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

// Sizes are printed as the kernel's command line and its directories spell them.
TEST(Size, PrintsTheKernelsSpelling) {
  EXPECT_EQ(short_size(64_KiB), "64K");
  EXPECT_EQ(short_size(2_MiB), "2M");
  EXPECT_EQ(short_size(ByteCount(1000)), "1000");
  EXPECT_EQ(sysfs_size(kOrderPmd), "2048kB");
  EXPECT_EQ(sysfs_size(Order(4)), "64kB");
  EXPECT_EQ(human_size(ByteCount(1536)), "1.5 KiB");
}

}  // namespace
}  // namespace quire::base
