// The bills of whole replays, over the recordings that ship.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lab/machine.h"
#include "lab/replay.h"
#include "policy/parse.h"

namespace quire::lab {
namespace {

std::vector<std::string> shipped() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(QUIRE_SOURCE_DIR "/traces"))
    if (entry.path().extension() == ".quire") files.push_back(entry.path().string());
  return files;
}

ReplayResult replayed(const std::string& file, const char* words) {
  auto reader = trace::Reader::open(file);
  EXPECT_TRUE(reader) << reader.error().line();
  auto result = replay(*reader, {.settings = *policy::parse_policy(words)});
  EXPECT_TRUE(result) << result.error().line();
  return std::move(*result);
}

std::uint64_t billed(const cost::Bill& bill) {
  std::uint64_t n = 0;
  for (const auto& [ns, times] : bill.faults) n += times;
  return n;
}

// I-COST-1: a fault that is counted is billed once, under any policy.
TEST(BillOfAReplay, EveryFaultOnce) {
  ASSERT_FALSE(shipped().empty());
  for (const std::string& file : shipped()) {
    for (const char* const words : {"4K", "64K", "2M", "all", "laf-v4", "thp-2011", "foresight"}) {
      const ReplayResult result = replayed(file, words);
      EXPECT_EQ(billed(result.bill), result.minor_faults - result.populate_faults) << file << " " << words;
      EXPECT_GT(result.bill.kernel_ns, result.bill.fault_ns);
    }
  }
}

// On a machine that swaps every page that went or came is in the bill, and a wait for reclaim makes a
// fault longer.
TEST(BillOfAReplay, SwapIsBilled) {
  auto reader = trace::Reader::open(QUIRE_SOURCE_DIR "/traces/python-dict-large.quire");
  ASSERT_TRUE(reader) << reader.error().line();
  const auto machine = parse_machine("ram=64G swap=block:4G limit=20M", "test");
  ASSERT_TRUE(machine) << machine.error().line();
  const auto result = replay(*reader, {.settings = *policy::parse_policy("64K"), .machine = *machine});
  ASSERT_TRUE(result) << result.error().line();
  const cost::Profile& prices = cost::reference_profile();
  const auto out = static_cast<double>(result->counters.get(stats::VmEvent::pswpout));
  const auto in = static_cast<double>(result->counters.get(stats::VmEvent::pswpin));
  ASSERT_GT(out, 0);
  ASSERT_TRUE(prices.prices_swap());
  EXPECT_THAT(result->notes, ::testing::Contains(::testing::HasSubstr("at the prices of zram with lz4")));
  EXPECT_NEAR(result->bill.swap_out_ns, out * prices.of(cost::Work::kSwapOut).median, 1);
  EXPECT_NEAR(result->bill.swap_in_ns, in * prices.of(cost::Work::kSwapIn).median, 1);
  EXPECT_GT(cost::quantile(result->bill.faults, 1), 32 * prices.of(cost::Work::kSwapOut).median);
}

// I-COST-2: nothing but the recording, the policy and the machine is in a bill.
TEST(BillOfAReplay, IsTheSameAgain) {
  const std::string file = shipped().front();
  const ReplayResult first = replayed(file, "all");
  const ReplayResult second = replayed(file, "all");
  EXPECT_EQ(first.bill.kernel_ns, second.bill.kernel_ns);
  EXPECT_EQ(first.bill.faults, second.bill.faults);
}

}  // namespace
}  // namespace quire::lab
