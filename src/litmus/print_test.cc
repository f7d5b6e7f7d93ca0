#include "litmus/print.h"

#include <gtest/gtest.h>

#include "litmus/parse.h"
#include "litmus/testing_random_experiment.h"

namespace quire::litmus {
namespace {

// What is printed is read as the same experiment, and printed the same again.
TEST(Print, IsReadBack) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const Experiment e = testing::RandomExperiment(seed).make();
    const std::string text = print(e);
    const auto again = parse(text, "printed");
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().line() << "\n" << text;
    ASSERT_EQ(*again, e) << "seed " << seed << "\n" << text << "--- became\n" << print(*again);
    ASSERT_EQ(print(*again), text);
  }
}

// The shortest form: defaults are left out, sizes are as people write them.
TEST(Print, LeavesDefaultsOut) {
  const std::string text =
      "about One sentence.\n"
      "rule 2.1\n"
      "set 16K,64K madvise\n"
      "\n"
      "map A 2M\n"
      "write A\n"
      "  expect A order 2M, pmd\n"
      "  picture A A*512\n"
      "c: read A+4K..+1052K every 64K = 7 -> SIGSEGV\n";
  const std::string forked =
      text.substr(0, text.find("c: read")) + "fork c\n" + text.substr(text.find("c: read"));
  const auto e = parse(forked, "x");
  ASSERT_TRUE(e) << e.error().line();
  EXPECT_EQ(print(*e), forked);
}

}  // namespace
}  // namespace quire::litmus
