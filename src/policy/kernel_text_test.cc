#include "policy/kernel_text.h"

#include <gtest/gtest.h>

#include <string_view>

namespace quire::policy {
namespace {

using namespace std::string_view_literals;

// One newline at the end is forgiven, nothing else is.
TEST(SysfsStreq, ForgivesOneNewline) {
  EXPECT_TRUE(sysfs_streq("always", "always"));
  EXPECT_TRUE(sysfs_streq("always\n", "always"));
  EXPECT_TRUE(sysfs_streq("always\0junk"sv, "always"));
  EXPECT_FALSE(sysfs_streq("always\n\n", "always"));
  EXPECT_FALSE(sysfs_streq(" always", "always"));
  EXPECT_FALSE(sysfs_streq("always ", "always"));
  EXPECT_FALSE(sysfs_streq("alway", "always"));
  EXPECT_FALSE(sysfs_streq("ALWAYS", "always"));
  EXPECT_FALSE(sysfs_streq("", "always"));
}

// Decimal digits, a plus before, a newline behind.
TEST(Kstrtoul, ReadsDecimal) {
  EXPECT_EQ(kstrtoul("0"), 0U);
  EXPECT_EQ(kstrtoul("+0012\n"), 12U);
  EXPECT_EQ(kstrtoul("18446744073709551615"), ~0ULL);
  EXPECT_EQ(kstrtoul("7\0junk"sv), 7U);
}

// Too large is ERANGE even with junk behind; all else that is no number is
// EINVAL.
TEST(Kstrtoul, TellsRangeFromNonsense) {
  EXPECT_EQ(kstrtoul("18446744073709551616").error(), Errno::kRange);
  EXPECT_EQ(kstrtoul("99999999999999999999x").error(), Errno::kRange);
  for (const std::string_view bad :
       {""sv, "\n"sv, "-1"sv, " 1"sv, "1 "sv, "1\n\n"sv, "0x1"sv, "++1"sv, "+"sv, "1.0"sv})
    EXPECT_EQ(kstrtoul(bad).error(), Errno::kInval) << bad;
}

// Only the first letter counts, or the first two after an o.
TEST(Kstrtobool, LooksAtTheFirstLetters) {
  for (const std::string_view yes : {"1"sv, "1junk"sv, "y"sv, "Yes"sv, "T"sv, "enable"sv, "on"sv, "oNe"sv})
    EXPECT_EQ(kstrtobool(yes), true) << yes;
  for (const std::string_view no : {"0"sv, "0.9"sv, "n"sv, "False"sv, "disable"sv, "of"sv, "OFFER"sv})
    EXPECT_EQ(kstrtobool(no), false) << no;
  for (const std::string_view bad : {""sv, "\n"sv, "2"sv, "o"sv, "oo"sv, " 1"sv, "-1"sv, "\x11"sv})
    EXPECT_EQ(kstrtobool(bad).error(), Errno::kInval) << bad;
}

}  // namespace
}  // namespace quire::policy
