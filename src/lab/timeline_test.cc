#include "lab/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>

#include "lab/replay.h"
#include "policy/parse.h"
#include "trace/test_recording.h"
#include "vm/fault.h"
#include "vm/madvise.h"
#include "vm/syscalls.h"

namespace quire::lab {
namespace {

using testing::SizeIs;
using vm::NotHuge;

constexpr VirtAddr kAt{0x200000000};

ReplayResult replayed(const char* file, const char* words, unsigned samples) {
  auto reader = trace::Reader::open(std::string(QUIRE_SOURCE_DIR "/traces/") + file);
  EXPECT_TRUE(reader) << reader.error().line();
  auto result = replay(*reader, {.settings = *policy::parse_policy(words), .timeline_samples = samples});
  EXPECT_TRUE(result) << result.error().line();
  return std::move(*result);
}

// A machine of one address space with one mapping.
class Runs : public testing::Test {
 protected:
  void start(const char* words, ByteCount length) {
    auto made = kernel::Kernel::create({.ram = 64_MiB, .contents = phys::Contents::kNone},
                                       *policy::parse_policy(words));
    ASSERT_TRUE(made);
    kernel_ = std::move(*made);
    kernel_->system().remember_reasons();
    mm_ = &kernel_->create_address_space();
    vm::MmapRequest request;
    request.addr = kAt;
    request.length = length;
    request.prot = PROT_READ | PROT_WRITE;
    request.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    ASSERT_TRUE(vm::mmap(*mm_, request));
  }
  void write(std::uint64_t page) {
    ASSERT_EQ(vm::access(*mm_, kAt + PageCount(page), AccessKind::kWrite), FaultResult::kMinor);
  }
  [[nodiscard]] std::vector<FolioRun> runs() { return folio_runs(*mm_, *mm_->mappings().find(kAt)); }

  std::unique_ptr<kernel::Kernel> kernel_;
  vm::AddressSpace* mm_ = nullptr;
};

FolioRun run(std::uint64_t offset, std::uint64_t span, unsigned order, std::uint64_t touched,
             vm::NotHuge why) {
  return {.offset = PageCount(offset),
          .span = PageCount(span),
          .order = Order(order),
          .resident = PageCount(span),
          .touched = PageCount(touched),
          .why = why};
}

// Folios of one size that stand side by side are one run; of their pages those
// the program used are touched.
TEST_F(Runs, EqualNeighboursAreOne) {
  start("64K", 1_MiB);
  write(0);
  write(17);
  write(18 + 32);
  EXPECT_EQ(runs()[0], run(0, 32, 4, 2, NotHuge::kNothing));
  EXPECT_EQ(runs()[1], run(48, 16, 4, 1, NotHuge::kNothing));
  EXPECT_THAT(runs(), SizeIs(2));
}

// 2 MiB mapped by one entry is a run of 512 pages.
TEST_F(Runs, AHugeEntry) {
  start("2M", 4_MiB);
  write(3);
  EXPECT_THAT(runs(), testing::ElementsAre(run(0, 512, 9, 1, NotHuge::kNothing)));
}

// Where the block of a larger size would reach past the mapping, a page stays small.
TEST_F(Runs, TheEdgeIsAReason) {
  start("64K", ByteCount(kPageSize * 20));
  write(17);
  EXPECT_EQ(runs()[0], run(17, 1, 0, 1, NotHuge::kUnalignedEnd));
}

// A policy without sizes, an advice and a prctl each have a reason of their own.
TEST_F(Runs, WhoSaysNo) {
  start("4K", 1_MiB);
  write(0);
  EXPECT_EQ(runs()[0].why, NotHuge::kSizeOff);
  start("64K", 1_MiB);
  ASSERT_TRUE(vm::madvise(*mm_, kAt, 1_MiB, vm::Advice::kNoHugePage));
  write(0);
  EXPECT_EQ(runs()[0].why, NotHuge::kNohugepage);
  start("64K", 1_MiB);
  mm_->thp = policy::ProcessThp::kDisabled;
  write(0);
  EXPECT_EQ(runs()[0].why, NotHuge::kPrctl);
}

// Joined runs keep how much of them is resident, and the size of most of it.
TEST(CoarserRuns, SayWhatTheyStandFor) {
  const std::vector<FolioRun> fine{run(0, 1, 0, 1, NotHuge::kUnalignedEnd), run(16, 16, 4, 2, NotHuge::kNothing),
                                   run(100, 1, 0, 1, NotHuge::kUnalignedEnd)};
  const auto joined = coarser(fine, PageCount(32));
  ASSERT_THAT(joined, SizeIs(2));
  EXPECT_EQ(joined[0].span, PageCount(32));
  EXPECT_EQ(joined[0].resident, PageCount(17));
  EXPECT_EQ(joined[0].touched, PageCount(3));
  EXPECT_EQ(joined[0].order, Order(4));
  EXPECT_EQ(joined[1], fine[2]);
}

// Listening changes nothing.
TEST(TimelineOfAReplay, NeverSteers) {
  const ReplayResult without = replayed("sqlite.quire", "all", 0);
  const ReplayResult with = replayed("sqlite.quire", "all", 50);
  EXPECT_EQ(with.state_hash, without.state_hash);
  EXPECT_FALSE(without.timeline);
  EXPECT_TRUE(with.timeline);
}

// As many samples as were asked for at most, evenly apart; sums that are no more
// than the peaks.
TEST(TimelineOfAReplay, IsEvenAndBounded) {
  const ReplayResult result = replayed("python-dict.quire", "64K", 40);
  const Timeline& timeline = *result.timeline;
  ASSERT_LE(timeline.samples.size(), 40U);
  ASSERT_GE(timeline.samples.size(), 20U);
  for (std::size_t i = 0; i < timeline.samples.size(); ++i) {
    const TimelineSample& sample = timeline.samples[i];
    EXPECT_EQ(sample.event, (i + 1) * timeline.every);
    ByteCount resident = sample.file;
    for (const ByteCount bytes : sample.anon) resident += bytes;
    EXPECT_LE(resident, result.peak_resident);
    EXPECT_LE(sample.never_touched, resident);
  }
  EXPECT_GT(timeline.samples[10].anon[4], ByteCount());
}

// A run holds its samples together, and lies in its mapping.
TEST(TimelineOfAReplay, RunsLieWhereTheySay) {
  const Timeline timeline = *replayed("python-dict.quire", "64K", 40).timeline;
  ASSERT_FALSE(timeline.runs.empty());
  bool heap = false;
  for (const SeenRun& seen : timeline.runs) {
    ASSERT_LE(seen.first, seen.last);
    ASSERT_LT(seen.last, timeline.samples.size());
    ASSERT_LT(seen.mapping, timeline.mappings.size());
    const SeenMapping& mapping = timeline.mappings[seen.mapping];
    EXPECT_LE(seen.run.end().bytes(), mapping.range.size());
    EXPECT_LE(seen.run.touched, seen.run.resident);
    EXPECT_LE(seen.run.resident, seen.run.span);
    EXPECT_EQ(mapping.process, "python3");
    heap = heap || mapping.name == "[heap]";
  }
  EXPECT_TRUE(heap);
}

// A recording that says nothing of its length is sampled all the same, in steps
// that double.
TEST(TimelineOfAReplay, WithoutALength) {
  using namespace trace::testing;
  std::vector<trace::Event> events = small_run();
  for (std::uint64_t i = 0; i < 100; ++i) events.push_back(touch(1, 2, 0x7f0000004000 + i * 4096, 40 + i));
  auto reader = trace::Reader::from_bytes(recording_bytes(events, std::nullopt, 10));
  ASSERT_TRUE(reader);
  const auto result = replay(*reader, {.settings = small_pages_only(), .timeline_samples = 10});
  ASSERT_TRUE(result);
  const Timeline& timeline = *result->timeline;
  EXPECT_EQ(timeline.every, 16U);
  EXPECT_THAT(timeline.samples, SizeIs(events.size() / 16));
  EXPECT_EQ(timeline.samples.back().event, events.size() / 16 * 16);
}

}  // namespace
}  // namespace quire::lab
