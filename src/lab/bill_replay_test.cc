// The bills of whole replays, over the recordings that ship.
#include <gtest/gtest.h>

#include <filesystem>

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
