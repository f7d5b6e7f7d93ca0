#include "top/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "top/testing_frame.h"

namespace quire::top {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Moved by so much in the two seconds between the readings.
void move(Frame& frame, Order size, const std::string& name, std::int64_t by) {
  frame.now.counts.sizes[size][name] = frame.before.counts.sizes[size][name] + by;
}

TEST(TopFindings, AllIsWell) { EXPECT_THAT(findings_of(testing::frame()), IsEmpty()); }

// 50 of 100 faults a second get nothing, and there is hardly any free block of 2 MiB.
TEST(TopFindings, FailingAllocations) {
  Frame frame = testing::frame();
  move(frame, kOrderPmd, "anon_fault_fallback", 100);
  EXPECT_THAT(findings_of(frame), ElementsAre("2M: 50% of 100 faults/s get no folio of this size"));
  frame.free[kOrderPmd] = 1_MiB;
  EXPECT_THAT(findings_of(frame), ElementsAre(HasSubstr("of 1.0G free memory 1M lies in blocks of 2M")));
}

// A few failures among many faults are not worth a word.
TEST(TopFindings, FewFailures) {
  Frame frame = testing::frame();
  move(frame, Order(4), "anon_fault_fallback", 10);
  EXPECT_THAT(findings_of(frame), IsEmpty());
}

// A limit is named, and not taken for fragmentation.
TEST(TopFindings, LimitOfACgroup) {
  Frame frame = testing::frame();
  move(frame, Order(4), "anon_fault_fallback", 100);
  move(frame, Order(4), "anon_fault_fallback_charge", 100);
  EXPECT_THAT(findings_of(frame), ElementsAre("64K: a cgroup's memory limit refuses 50 folios/s"));
}

TEST(TopFindings, Stalls) {
  Frame frame = testing::frame();
  frame.now.counts.events["compact_stall"] = 20;
  frame.now.counts.events["compact_fail"] = 8;
  frame.now.counts.events["thp_collapse_alloc_failed"] = 6;
  EXPECT_THAT(findings_of(frame), ElementsAre("10 allocations/s wait for compaction, 4 of them in vain",
                                              StartsWith("khugepaged: 3 times/s")));
}

// The worst waster first; what is little for its process is left out.
TEST(TopFindings, MemoryHeldByNobody) {
  Frame frame = testing::frame();
  frame.processes[1].folios->stranded = PageCount::covering(300_MiB);
  frame.processes[2].folios->stranded = PageCount::covering(400_MiB);
  frame.processes.push_back(testing::process(9, 1, "big", 100_GiB));
  frame.processes.back().folios = testing::sample(100_GiB, PageCount::covering(500_MiB));
  EXPECT_THAT(findings_of(frame), ElementsAre("worker (300): 400M lie in its folios and nobody maps them",
                                              StartsWith("redis-server (20): 300M")));
}

TEST(TopFindings, PartialMapsSplitsAndSwap) {
  Frame frame = testing::frame();
  frame.now.counts.sizes[kOrderPmd]["nr_anon_partially_mapped"] = 40;
  move(frame, Order(4), "split", 4000);
  move(frame, Order(4), "swpout_fallback", 8);
  EXPECT_THAT(findings_of(frame),
              ElementsAre("64K: 4 folios/s are split to be swapped out: swap has no room in a row",
                          StartsWith("2M: 80M lie in folios that are mapped in part"),
                          "64K: 2.0k folios/s are split again"));
}

}  // namespace
}  // namespace quire::top
