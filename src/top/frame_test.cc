#include "top/frame.h"

#include <gtest/gtest.h>

#include "top/testing_frame.h"

namespace quire::top {
namespace {

// 100 folios in the last two seconds, 400 since the first reading, 500 in all.
TEST(TopFrame, CountersInThreeSpans) {
  const Frame frame = testing::frame();
  const auto alloc = [&](Span span) { return size_counter(frame, Order(4), "anon_fault_alloc", span); };
  EXPECT_EQ(alloc(Span::kPerSecond), 50);
  EXPECT_EQ(alloc(Span::kSinceStart), 400);
  EXPECT_EQ(alloc(Span::kSinceBoot), 500);
  EXPECT_EQ(khugepaged_counter(frame, "full_scans", Span::kPerSecond), 0.5);
  EXPECT_EQ(event_counter(frame, "compact_stall", Span::kSinceBoot), 0);
}

// A counter this kernel does not have is not 0, and neither is a rate without time.
TEST(TopFrame, UnknownIsNotZero) {
  Frame frame = testing::frame();
  EXPECT_EQ(size_counter(frame, Order(4), "no_such", Span::kSinceBoot), std::nullopt);
  EXPECT_EQ(size_counter(frame, Order(1), "anon_fault_alloc", Span::kSinceBoot), std::nullopt);
  frame.before = frame.now;
  EXPECT_EQ(event_counter(frame, "compact_stall", Span::kPerSecond), std::nullopt);
}

// What large folios do not have of the anonymous memory is single pages.
TEST(TopFrame, AnonymousMemoryOfTheHost) {
  Frame frame = testing::frame();
  EXPECT_EQ(bytes_in(frame, Order(4), "nr_anon"), ByteCount(40 * (64ULL << 10)));
  PageCount all;
  for (const PageCount& pages : anon_of_host(frame)) all += pages;
  EXPECT_EQ(all.bytes(), 1_GiB);
  frame.memory["AnonPages"] = 1_MiB;  // read a moment later
  EXPECT_EQ(anon_of_host(frame)[0], PageCount());
}

TEST(TopFrame, InheritIsFollowed) {
  const Frame frame = testing::frame();
  EXPECT_EQ(rule_of(frame, kOrderPmd), "madvise");
  EXPECT_EQ(rule_of(frame, Order(4)), "always");
  EXPECT_EQ(rule_of(frame, Order(2)), "");
}

TEST(TopFrame, LargeAndPartial) {
  const Frame frame = testing::frame();
  const live::FolioCounts& counts = frame.processes[1].folios->counts;
  EXPECT_EQ(large_bytes(counts), 400_MiB);
  EXPECT_EQ(partial_bytes(counts), 100_MiB);
}

}  // namespace
}  // namespace quire::top
