#include "policy/near_miss.h"

#include <gtest/gtest.h>

#include <vector>

namespace quire::policy {
namespace {

const std::vector<std::string> kWords{"always", "madvise", "never", "64K"};

// One or two slips are forgiven.
TEST(Nearest, FindsSlips) {
  EXPECT_EQ(nearest("alwyas", kWords), "always");
  EXPECT_EQ(nearest("nevr", kWords), "never");
  EXPECT_EQ(nearest("65K", kWords), "64K");
  EXPECT_EQ(did_you_mean("madvice", kWords), "did you mean madvise?");
}

// What is far from everything gets no suggestion, nor does an empty or
// endless text.
TEST(Nearest, DoesNotGuess) {
  EXPECT_EQ(nearest("xyzzy", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(10000, 'a'), kWords), "");
  EXPECT_EQ(did_you_mean("hugetlb", kWords), "");
}

// The first of two that are equally near.
TEST(Nearest, FirstWinsATie) { EXPECT_EQ(nearest("cat", std::vector<std::string>{"bat", "hat"}), "bat"); }

}  // namespace
}  // namespace quire::policy
