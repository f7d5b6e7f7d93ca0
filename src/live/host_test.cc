#include "live/host.h"

#include <gtest/gtest.h>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

// The bracketed word, or the text without its line end.
TEST(Host, ChosenWord) {
  EXPECT_EQ(chosen_word("always [madvise] never\n"), "madvise");
  EXPECT_EQ(chosen_word("[always] madvise never\n"), "always");
  EXPECT_EQ(chosen_word("10000\n"), "10000");
  EXPECT_EQ(chosen_word(""), "");
  EXPECT_EQ(chosen_word("\n"), "");
  EXPECT_EQ(chosen_word("] odd ["), "] odd [");
}

// A snapshot holds every setting and no counter.
TEST(Host, SnapshotHoldsSettingsOnly) {
  const testing::FakeTree tree;
  tree.set("khugepaged/full_scans", "12\n");
  tree.set("hugepages-64kB/stats/anon_fault_alloc", "5\n");
  const ThpState state = read_thp_state(tree.root());
  EXPECT_EQ(state.at("enabled"), "always [madvise] never");
  EXPECT_EQ(state.at("khugepaged/pages_to_scan"), "4096");
  EXPECT_FALSE(state.contains("khugepaged/full_scans"));
  EXPECT_FALSE(state.contains("hugepages-64kB/stats/anon_fault_alloc"));
}

// A kernel without huge pages has an empty state and no sizes.
TEST(Host, NoTreeIsEmpty) {
  EXPECT_TRUE(read_thp_state("/nonexistent").empty());
  EXPECT_TRUE(anon_orders_of("/nonexistent").empty());
}

// The sizes are those with an `enabled` file; 8kB has only one for shared memory.
TEST(Host, SizesAreThoseWithAnEnabledFile) {
  const testing::FakeTree tree;
  tree.set("hugepages-8kB/shmem_enabled", "never\n");
  EXPECT_EQ(anon_orders_of(tree.root()), kAnonOrders);
}

// This host: each missing capability says why, each present one nothing.
TEST(Host, CapabilitiesCarryReasons) {
  const HostInfo host = describe_host();
  EXPECT_FALSE(host.kernel_release.empty());
  EXPECT_GE(host.cpus, 1U);
  EXPECT_GT(host.ram, 64_MiB);
  for (const Capability& c : {probe_bpf(), probe_tracepoints(), probe_page_frames()}) {
    EXPECT_EQ(c.available, c.reason.empty()) << c.reason;
  }
}

}  // namespace
}  // namespace quire::live
