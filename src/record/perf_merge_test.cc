#include "record/perf_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::record {
namespace {

PerfEvent at(std::uint64_t time_ns, std::uint32_t tid) {
  PerfEvent e;
  e.time_ns = time_ns;
  e.tid = tid;
  return e;
}

std::vector<std::uint32_t> given(PerfMerge& merge, std::uint64_t horizon) {
  std::vector<std::uint32_t> tids;
  merge.give_until(horizon, [&](const PerfEvent& e) { tids.push_back(e.tid); });
  return tids;
}

// Two rings read one after the other come out in the order of time; equal
// times keep the order they were read in.
TEST(PerfMerge, OrdersByTime) {
  PerfMerge merge;
  for (const auto& [time, tid] : {std::pair{10U, 1U}, {30U, 2U}, {20U, 3U}, {30U, 4U}})
    merge.add(at(time, tid));
  EXPECT_THAT(given(merge, 100), testing::ElementsAre(1, 3, 2, 4));
}

// What is younger than the horizon waits for what may still come before it.
TEST(PerfMerge, HoldsBackTheYoung) {
  PerfMerge merge;
  merge.add(at(10, 1));
  merge.add(at(50, 2));
  EXPECT_THAT(given(merge, 50), testing::ElementsAre(1));
  merge.add(at(40, 3));
  EXPECT_THAT(given(merge, 51), testing::ElementsAre(3, 2));
}

}  // namespace
}  // namespace quire::record
