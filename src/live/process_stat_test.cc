#include "live/process_stat.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace quire::live {
namespace {

// A name that looks like the fields behind it is still the name.
TEST(ProcessStat, NameWithParentheses) {
  const auto stat = parse_process_stat(
      "12 (a) R (b) S 7 1 1 0 -1 4194304 100 2 3 4 50 25 0 0 20 0 6 0 9999 1000000 512 1 1\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 12);
  EXPECT_EQ(stat->name, "a) R (b");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->minor_faults, 100U);
  EXPECT_EQ(stat->major_faults, 3U);
  EXPECT_EQ(stat->threads, 6U);
  EXPECT_EQ(stat->started, 9999U);
  EXPECT_EQ(stat->resident, PageCount(512));
  EXPECT_EQ(stat->cpu, std::chrono::nanoseconds(75 * (std::nano::den / ::sysconf(_SC_CLK_TCK))));
  EXPECT_FALSE(stat->of_kernel);
}

TEST(ProcessStat, AnythingElseIsNone) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("12 )name( S 1"));
  EXPECT_FALSE(parse_process_stat("12 (name) S 1 2 3"));
}

TEST(ProcessStat, OfThisProcess) {
  const auto stat = read_process_stat(::getpid());
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, ::getpid());
  EXPECT_EQ(stat->parent, ::getppid());
  EXPECT_GT(stat->minor_faults, 0U);
  EXPECT_FALSE(read_process_stat(2'000'000'000));
}

}  // namespace
}  // namespace quire::live
