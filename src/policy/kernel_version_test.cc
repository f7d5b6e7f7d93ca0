#include "policy/kernel_version.h"

#include <gtest/gtest.h>

namespace quire::policy {
namespace {

// The release that uname gives, or two numbers of a person.
TEST(KernelVersion, FirstTwoNumbers) {
  EXPECT_EQ(parse_kernel_version("6.18.44-fc-v595"), (KernelVersion{6, 18}));
  EXPECT_EQ(parse_kernel_version("6.8"), (KernelVersion{6, 8}));
  EXPECT_EQ(parse_kernel_version("7.0-rc1"), (KernelVersion{7, 0}));
  EXPECT_LT(*parse_kernel_version("6.8.0-45-generic"), kHasThpAnon);
}

// What is no version is said to be none, and not taken for a very old one.
TEST(KernelVersion, NoVersion) {
  for (const char* text : {"", "6", "6.", ".6", "six", "6.x", "6.8x", "-1.2", "99999999999.1"})
    EXPECT_FALSE(parse_kernel_version(text)) << text;
}

}  // namespace
}  // namespace quire::policy
