#include "lab/foresight.h"

#include <gtest/gtest.h>

#include "lab/replay.h"
#include "policy/parse.h"
#include "trace/test_recording.h"

namespace quire::lab {
namespace {

using trace::Event;
using trace::Kind;
using trace::Phase;
using trace::Sys;
using trace::TouchBits;
using trace::testing::record;
using trace::testing::syscall;
using trace::testing::touch;

constexpr std::uint64_t kBlock = 0x7f0000000000;  // 64 KiB that everything here happens in
constexpr std::uint64_t kPages = 16;

std::uint64_t page(std::uint64_t n) { return kBlock + n * kPageSize; }

// Writes to pages [first, end).
void write_pages(std::vector<Event>& events, std::uint64_t first, std::uint64_t end) {
  for (std::uint64_t n = first; n < end; ++n) events.push_back(touch(1, 2, page(n), 10 + n));
}

Foresight learned(const std::vector<Event>& events) {
  const auto bytes = trace::testing::recording_bytes(events, trace::testing::full_summary());
  auto reader = trace::Reader::from_bytes(bytes);
  EXPECT_TRUE(reader);
  auto foresight = Foresight::learn(*reader);
  EXPECT_TRUE(foresight);
  return std::move(*foresight);
}

// The largest order for the first event.
unsigned largest_at_first(const std::vector<Event>& events) {
  const OrderSet orders = learned(events).at(1);
  return orders.empty() ? 0 : orders.highest().raw();
}

//   page  0 1 2 3 4 ... 15          W written to, first to last
//         W W W W W     W
TEST(Foresight, AllOfABlockThatIsWritten) {
  std::vector<Event> events;
  write_pages(events, 0, kPages);
  const Foresight foresight = learned(events);
  EXPECT_EQ(foresight.at(1), OrderSet(0b11100)) << "16K, 32K and 64K";
  EXPECT_EQ(foresight.at(5), OrderSet(0b00100)) << "pages before are written to already: 16K at most";
  EXPECT_TRUE(foresight.at(kPages + 1).empty());
}

// A page that is only read needs no memory.
TEST(Foresight, NotWhatIsOnlyRead) {
  std::vector<Event> events;
  write_pages(events, 0, 7);
  events.push_back(touch(1, 2, page(7), 40, 0));
  write_pages(events, 8, kPages);
  EXPECT_EQ(largest_at_first(events), 2U);
}

// Written to only after the mapping was another: not this fault's.
TEST(Foresight, NotBeyondAnUnmapping) {
  std::vector<Event> events;
  write_pages(events, 0, 4);
  events.push_back(syscall(Sys::kMunmap, 1, 2, {page(4), 12 * kPageSize}, 0, Phase::kEnter));
  write_pages(events, 4, kPages);
  EXPECT_EQ(largest_at_first(events), 2U);
}

TEST(Foresight, NotBeyondADiscard) {
  constexpr std::uint64_t kDontNeed = 4;
  std::vector<Event> events;
  write_pages(events, 0, 4);
  events.push_back(syscall(Sys::kMadvise, 1, 2, {page(0), 16 * kPageSize, kDontNeed}, 0));
  write_pages(events, 4, kPages);
  EXPECT_EQ(largest_at_first(events), 2U);
}

// After a fork a write makes a copy, and what stood there would never be used.
TEST(Foresight, NotBeyondAFork) {
  std::vector<Event> events;
  write_pages(events, 0, 4);
  events.push_back(record(Kind::kFork, 1, 2, {2, 3, 0}));
  write_pages(events, 4, kPages);
  EXPECT_EQ(largest_at_first(events), 2U);
}

// A thread is no copy.
TEST(Foresight, BeyondANewThread) {
  std::vector<Event> events;
  write_pages(events, 0, 4);
  events.push_back(record(Kind::kFork, 1, 2, {2, 0, 0}));
  write_pages(events, 4, kPages);
  EXPECT_EQ(largest_at_first(events), 4U);
}

// A replay under the policy needs no more memory at its end than small pages, none of
// it untouched, and far fewer faults.
TEST(Foresight, WastesNothing) {
  for (const char* const name : {"python-dict-large", "sqlite", "gxx"}) {
    auto reader = trace::Reader::open(std::string(QUIRE_SOURCE_DIR "/traces/") + name + ".quire");
    ASSERT_TRUE(reader) << reader.error().line();
    const auto oracle = replay(*reader, {.settings = *policy::parse_policy("foresight")});
    const auto small = replay(*reader, {.settings = small_pages_only()});
    ASSERT_TRUE(oracle && small);
    EXPECT_EQ(oracle->wasted_at_end.raw(), 0U) << name;
    EXPECT_EQ(oracle->final_resident, small->final_resident) << name;
    EXPECT_LT(oracle->minor_faults * 3, small->minor_faults * 2) << name;
  }
}

}  // namespace
}  // namespace quire::lab
