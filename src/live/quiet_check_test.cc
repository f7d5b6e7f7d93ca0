#include "live/quiet_check.h"

#include <gtest/gtest.h>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

constexpr const char* k64K = "hugepages-64kB/stats/anon_fault_alloc";
constexpr const char* k2M = "hugepages-2048kB/stats/anon_fault_alloc";

// What moved beyond the tree's own is others'.
TEST(QuietCheck, SubtractsTheTree) {
  const testing::FakeTree tree;
  tree.set(k64K, "100\n");
  tree.set(k2M, "7\n");
  const QuietCheck check(tree.root());
  tree.set(k64K, "130\n");
  tree.set(k2M, "9\n");
  TreeCounts counts;
  counts.folios_by_order[4] = 25;
  counts.folios_by_order[9] = 2;
  const QuietResult result = check.compare(counts);
  EXPECT_EQ(result.foreign[4], 5);
  EXPECT_EQ(result.foreign[9], 0);
  EXPECT_FALSE(result.quiet());
  counts.folios_by_order[4] = 30;
  EXPECT_TRUE(check.compare(counts).quiet());
}

// A tree that claims more than the kernel counted is an error of ours, not quiet.
TEST(QuietCheck, NegativeIsNotQuiet) {
  const testing::FakeTree tree;
  tree.set(k64K, "1\n");
  const QuietCheck check(tree.root());
  TreeCounts counts;
  counts.folios_by_order[4] = 1;
  EXPECT_EQ(check.compare(counts).foreign[4], -1);
  EXPECT_FALSE(check.compare(counts).quiet());
}

// Sizes without a counter, or with an unreadable one, say nothing.
TEST(QuietCheck, MissingCountersAreAbsentNotZero) {
  const testing::FakeTree tree;
  tree.set(k64K, "not a number\n");
  const FaultAllocs counts = read_fault_allocs(tree.root());
  EXPECT_FALSE(counts[4].has_value());
  EXPECT_FALSE(counts[9].has_value());
}

}  // namespace
}  // namespace quire::live
