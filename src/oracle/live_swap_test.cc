// Swap on this kernel: what an experiment shows of it, and what it leaves behind.
#include "oracle/live_swap.h"

#include <gtest/gtest.h>

#include "base/testing_sanitized.h"
#include "litmus/parse.h"
#include "litmus/side.h"
#include "live/zram.h"
#include "oracle/kernel_side.h"

namespace quire::litmus {
namespace {

class LiveSwapTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
    auto host = KernelHost::open();
    if (!host) GTEST_SKIP() << host.error().line();
    if (!live::swaps_in_use().empty()) GTEST_SKIP() << "swap is in use here";
    host_.emplace(std::move(*host));
  }
  // Nothing when this kernel has no zram.
  std::optional<Recording> run(const std::string& text) {
    const auto experiment = parse(text, "test");
    EXPECT_TRUE(experiment) << experiment.error().line();
    auto recording = record_on(*experiment, host_->side(*experiment));
    EXPECT_TRUE(recording) << recording.error().line();
    if (!recording || (recording->unable && recording->steps.empty())) return std::nullopt;
    return *std::move(recording);
  }
  std::optional<KernelHost> host_;
};

constexpr const char* kOut =
    "swap zram lz4 16M\nmap A 64K\nwrite A = noise 1\nadvise PAGEOUT A\nread A+0 = noise 1\n";

// Each experiment finds a device that nothing was written to, and gives it back.
TEST_F(LiveSwapTest, SlotsAreTheSameEachTime) {
  const auto first = run(kOut);
  if (!first) GTEST_SKIP() << "no zram here";
  ASSERT_EQ(first->steps.size(), 4U);
  const Page page = first->steps[2].views.front().pages[0];
  EXPECT_EQ(page.state, Page::State::kSwapped);
  EXPECT_NE(page.slot, 0U);
  EXPECT_EQ(first->steps[3].ending.majors, 1U);
  EXPECT_EQ(first->steps[3].ending.wrong, 0U);
  EXPECT_TRUE(live::swaps_in_use().empty());
  const auto second = run(kOut);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->steps[2].views, second->steps[2].views);
}

// Swapped pages have bytes at the end too.
TEST_F(LiveSwapTest, ContentsOfSwappedPages) {
  const auto seen = run("swap zram lz4 16M\nmap A 64K\nwrite A = noise 1\nadvise PAGEOUT A\n");
  if (!seen) GTEST_SKIP() << "no zram here";
  EXPECT_EQ(seen->contents.size(), 16U);
}

// What the kernel's zram cannot do is told before a device is made.
TEST_F(LiveSwapTest, UnitsAreNotOfThisKernel) {
  const auto experiment = parse("swap zram lz4 16M unit 64K\nmap A 64K\n", "test");
  ASSERT_TRUE(experiment);
  const auto side = host_->side(*experiment);
  ASSERT_FALSE(side);
  EXPECT_EQ(side.error().kind, Diagnostic::Kind::kPrivilege);
}

// More than the limit is written, and found again; the group is gone afterwards.
TEST_F(LiveSwapTest, LimitTakesNoByte) {
  const auto seen = run("swap zram lz4 64M\nlimit 4M\nmap A 8M\nwrite A = text 1\nread A = text 1\n");
  if (!seen) GTEST_SKIP() << "no zram or no memory cgroup here";
  ASSERT_EQ(seen->steps.size(), 3U);
  EXPECT_EQ(seen->steps[2].ending.wrong, 0U);
  EXPECT_EQ(seen->steps[2].ending.bad, 0U);
  EXPECT_GT(seen->steps[2].ending.majors, 0U);
}

}  // namespace
}  // namespace quire::litmus
