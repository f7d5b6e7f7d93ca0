#include "trace/accessed.h"

#include <gtest/gtest.h>

#include "trace/event_codec.h"
#include "trace/test_recording.h"

namespace quire::trace {
namespace {

using namespace testing;

constexpr SampleHead kHead{.task = 1, .mm = 2, .time_us = 3, .window_us = 4, .sample = 5};

std::vector<PageRun> runs_of(const std::vector<Event>& events) {
  std::vector<PageRun> runs;
  for (const Event& event : events) {
    RunCursor cursor(event);
    for (PageRun run; cursor.next(run);) runs.push_back(run);
    EXPECT_TRUE(cursor.sound());
  }
  return runs;
}

// Runs come back, the first and the last page of memory among them.
TEST(Accessed, RunsComeBack) {
  const std::vector<PageRun> runs{{0, 1, Written::kYes},
                                  {5, 600, Written::kNo},
                                  {605, 1, Written::kYes},
                                  {kPagesEnd - 1, 1, Written::kNo}};
  const auto events = accessed_events(kHead, runs);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(runs_of(events), runs);
  EXPECT_EQ(events[0].mm, 2U);
  EXPECT_EQ(events[0].args[0], 4U);
  EXPECT_EQ(events[0].args[1], 5U);
}

// A neighbour costs two bytes: the sample of a working set is small.
TEST(Accessed, ANearRunTakesTwoBytes) {
  std::vector<PageRun> runs;
  for (std::uint64_t i = 0; i < 100; ++i) runs.push_back({0x7f0000000 + 20 * i, 16, Written::kNo});
  EXPECT_EQ(accessed_events(kHead, runs).front().text.size(), 200U);
}

// More runs than an event has room for go on in the next one.
TEST(Accessed, ManyRunsTakeSeveralEvents) {
  std::vector<PageRun> runs;
  for (std::uint64_t i = 0; i < 10'000; ++i) runs.push_back({100 + 3 * i, 1, Written::kYes});
  const auto events = accessed_events(kHead, runs);
  EXPECT_GT(events.size(), 1U);
  EXPECT_EQ(runs_of(events), runs);
  for (const Event& event : events) EXPECT_EQ(unstorable(event), nullptr);
}

// No run at all, half a run, and a run that leaves memory are not stored.
TEST(Accessed, WhatIsNoRunIsRefused) {
  Event event = accessed_events(kHead, std::vector<PageRun>{{kPagesEnd - 1, 1, Written::kNo}}).front();
  EXPECT_EQ(unstorable(event), nullptr);
  Event longer = event;
  longer.text[1] = 2;
  EXPECT_NE(unstorable(longer), nullptr);
  Event half = event;
  half.text.pop_back();
  EXPECT_NE(unstorable(half), nullptr);
  event.text.clear();
  EXPECT_NE(unstorable(event), nullptr);
}

// A recording says version 1 unless it is told that samples will come, and
// refuses them then: a reader of version 1 reads what has none.
TEST(Accessed, SamplesNeedVersionTwo) {
  const TempDir dir;
  const Event sample = accessed_events(kHead, std::vector<PageRun>{{1, 1, Written::kNo}}).front();
  Header header = full_header();
  header.format_version = kPlainVersion;
  auto plain = Writer::create(dir.file("plain"), header).value();
  EXPECT_FALSE(plain.append(sample).has_value());
  ASSERT_TRUE(plain.finish(full_summary()).has_value());
  EXPECT_EQ(Reader::open(dir.file("plain")).value().header().format_version, 1U);

  header.format_version = kFormatVersion;
  auto hot = Writer::create(dir.file("hot"), header).value();
  EXPECT_TRUE(hot.append(sample).has_value());
  ASSERT_TRUE(hot.finish(full_summary()).has_value());
  auto reader = Reader::open(dir.file("hot")).value();
  EXPECT_EQ(reader.header().format_version, 2U);
  EXPECT_EQ(read_all(reader).events, std::vector{sample});
}

}  // namespace
}  // namespace quire::trace
