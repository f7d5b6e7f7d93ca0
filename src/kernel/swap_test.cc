// Swap-out and swap-in through the public library. The counters are those the
// live kernel moved for the same calls (rules 2.11, 2.12; rows M5 to M9, S1 to S2z).
#include <gmock/gmock.h>

#include "base/rng.h"
#include "kernel/testing_machine.h"
#include "swap/plain_device.h"
#include "swap/testing_device.h"

namespace quire {
namespace {

using namespace testing;
using swap::testing::MapDevice;

constexpr int kPageOut = MADV_PAGEOUT;

MapDevice* add_swap(Kernel& k, ByteCount size = 64_MiB,
                    swap::Traits traits = {.block_device = true, .synchronous = true}) {
  auto device = std::make_unique<MapDevice>(PageCount::covering(size), traits);
  MapDevice* const raw = device.get();
  EXPECT_TRUE(k.swapon(std::move(device)).has_value());
  return raw;
}

// A program with data, not zero, in the whole of its arena.
Process& filled_program(Kernel& k, ByteCount length) {
  Process& p = k.spawn();
  map(p, length);
  fill(p, kArena, length);
  return p;
}

// S1, S2: a folio of 64 KiB goes out whole, in slots in a row, and one touch brings all of it back.
TEST(Swap, A64KFolioGoesAndComesWhole) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  const auto runs = p.layout_runs({kArena, kArena + 64_KiB});
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].first.state, PageInfo::State::kSwapped);
  EXPECT_EQ(stat(*k, "64/swpout"), 1U);
  EXPECT_EQ(k->vmstat("pswpout"), 16U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 0U);
  EXPECT_EQ(k->swap_used(), PageCount(16));
  expect_sound(*k);

  EXPECT_EQ(p.touch(page(5), AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(picture(p, kArena, 16), times(16, '4'));
  EXPECT_EQ(stat(*k, "64/swpin"), 1U);
  EXPECT_EQ(k->vmstat("pswpin"), 16U);
  EXPECT_EQ(k->vmstat("pgmajfault"), 1U);
  EXPECT_EQ(k->swap_used(), PageCount(0));
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  expect_sound(*k);
}

// S1z, S2z: a folio of zeroes is only noted, and comes back as large.
TEST(Swap, ZeroesAreNotWritten) {
  const auto k = boot("64K");
  MapDevice* const device = add_swap(*k);
  Process& p = k->spawn();
  map(p, 64_KiB);
  ASSERT_EQ(p.touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(k->vmstat("swpout_zero"), 16U);
  EXPECT_EQ(stat(*k, "64/swpout"), 0U);
  EXPECT_EQ(device->writes, 0U);
  EXPECT_EQ(p.touch(page(3), AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(picture(p, kArena, 16), times(16, '4'));
  EXPECT_EQ(k->vmstat("swpin_zero"), 16U);
  EXPECT_EQ(stat(*k, "64/swpin"), 0U);
  expect_sound(*k);
}

// M5: 2 MiB go whole, their PMD entry is split for it, and come back page by page.
TEST(Swap, HugeGoesWholeAndComesSmall) {
  const auto k = boot("2M");
  add_swap(*k);
  Process& p = filled_program(*k, 2_MiB);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("thp_swpout"), 1U);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(stat(*k, "2048/swpout"), 1U);
  EXPECT_EQ(k->vmstat("pswpout"), 512U);
  EXPECT_EQ(p.touch(kArena, AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(k->vmstat("pswpin"), 1U);
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
  EXPECT_EQ(k->vmstat("pgmajfault"), 512U);
  expect_sound(*k);
}

// M6: of a partially mapped folio only the pages that are mapped are written.
TEST(Swap, APartiallyMappedFolioIsSplitFirst) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(page(3), 4_KiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(stat(*k, "64/split"), 1U);
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 0U);
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 0U);
  EXPECT_EQ(k->vmstat("pswpout"), 15U);
  EXPECT_EQ(k->swap_used(), PageCount(15));
  expect_sound(*k);
}

// M7: half of a folio is split off and goes.
TEST(Swap, HalfAFolioGoes) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 32_KiB, kPageOut));
  EXPECT_EQ(stat(*k, "64/split"), 1U);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  EXPECT_EQ(k->vmstat("pswpout"), 8U);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  expect_sound(*k);
}

// M8, M9: what comes back is as large as the settings of then say.
TEST(Swap, SizeOfNowDecides) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, kPageOut));
  ASSERT_TRUE(k->sysfs_write("hugepages-64kB/enabled", "never"));
  EXPECT_EQ(p.touch(kArena, AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(k->vmstat("pswpin"), 1U);
  ASSERT_TRUE(k->sysfs_write("hugepages-32kB/enabled", "always"));
  EXPECT_EQ(p.touch(page(16), AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(picture(p, page(16), 8), times(8, '3'));
  EXPECT_EQ(stat(*k, "32/swpin"), 1U);
  EXPECT_EQ(k->vmstat("pswpin"), 9U);
  expect_sound(*k);
}

// After fork two programs name the slot: the page comes through the swap cache, small,
// and is nobody's alone until the other is gone.
TEST(Swap, SharedEntriesComeThroughTheCache) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  Process* const child = *p.fork();
  EXPECT_EQ(p.touch(page(8), AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(child->touch(page(8), AccessKind::kRead), FaultResult::kMinor);
  EXPECT_EQ(p.layout({page(8), page(9)})[0].mapcount, 2U);
  EXPECT_GT(*k->vmstat("swap_ra"), 0U);
  expect_sound(*k);
  std::byte b{99};
  ASSERT_TRUE(child->store(page(8), {&b, 1}));
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  child->exit();
  expect_sound(*k);
  p.exit();
  EXPECT_EQ(k->swap_used(), PageCount(0));
}

// Unmapping, MADV_DONTNEED and MADV_FREE give slots back.
TEST(Swap, WhatGoesGivesItsSlotsBack) {
  const auto k = boot("64K");
  MapDevice* const device = add_swap(*k);
  Process& p = filled_program(*k, 192_KiB);
  ASSERT_TRUE(p.madvise(kArena, 192_KiB, kPageOut));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(page(16), 32_KiB, MADV_FREE));
  ASSERT_TRUE(p.munmap(page(24), 4_KiB));
  EXPECT_EQ(k->swap_used(), PageCount(23));
  EXPECT_EQ(device->held.size(), 23U);
  p.exit();
  EXPECT_EQ(k->swap_used(), PageCount(0));
  EXPECT_TRUE(device->held.empty());
  expect_sound(*k);
}

// A file takes no folio whole.
TEST(Swap, AFileAlwaysSplits) {
  const auto k = boot("64K");
  add_swap(*k, 64_MiB, {.block_device = false});
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 1U);
  EXPECT_EQ(stat(*k, "64/split"), 1U);
  EXPECT_EQ(k->vmstat("pswpout"), 16U);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  expect_sound(*k);
}

// A device that cannot write: the memory stays, and is there for whoever touches it.
TEST(Swap, AFailedWriteLosesNothing) {
  const auto k = boot("64K");
  MapDevice* const device = add_swap(*k);
  device->fails_to_write = true;
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  expect_sound(*k);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  EXPECT_EQ(device->reads, 0U);
  EXPECT_TRUE(k->swap_losses().empty());
  p.exit();
  EXPECT_EQ(k->swap_used(), PageCount(0));
  expect_sound(*k);
}

// A device that cannot read: SIGBUS for that page, and one line of who lost what.
TEST(Swap, AFailedReadIsSigbusAndARecord) {
  const auto k = boot("64K");
  MapDevice* const device = add_swap(*k);
  Process& p = filled_program(*k, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  device->fails_to_read = true;
  EXPECT_EQ(p.touch(page(2), AccessKind::kRead), FaultResult::kBus);
  ASSERT_EQ(k->swap_losses().size(), 1U);
  const SwapLoss loss = k->swap_losses()[0];
  EXPECT_EQ(loss.slot, p.layout({page(2), page(3)})[0].swap);
  EXPECT_EQ(loss.line(),
            fmt::format("process {}: the page at 0x10002000 is lost: slot {} of map could not be read",
                        p.pid(), loss.slot.slot()));
  EXPECT_TRUE(filled(p, page(16), 64_KiB));
  device->fails_to_read = false;
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  expect_sound(*k);
}

// A full device: what has no room is split, page by page goes what fits, the rest stays.
TEST(Swap, AFullDeviceTakesWhatFits) {
  const auto k = boot("64K");
  add_swap(*k, 100_KiB);  // 24 slots behind the header
  Process& p = filled_program(*k, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, kPageOut));
  EXPECT_EQ(k->swap_used(), PageCount(24));
  EXPECT_TRUE(filled(p, kArena, 128_KiB));
  expect_sound(*k);
}

// Disks of one priority: those that turn take turns with every folio, since each goes on at a place of its
// own; of others the one that was begun is gone on with (rule: percpu_swap_cluster is for SSDs only).
TEST(Swap, DisksThatTurnTakeTurns) {
  for (const bool turns : {false, true}) {
    const auto k = boot("4K");
    for (unsigned n = 0; n < 2; ++n)
      ASSERT_TRUE(k->swapon(
          SwapDevice{.kind = SwapDevice::Kind::kBlock, .size = 16_MiB, .rotational = turns, .priority = 5}));
    Process& p = filled_program(*k, 64_KiB);
    ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
    std::array<unsigned, 2> pages_of{};
    for (const PageInfo& info : p.layout({kArena, kArena + 64_KiB})) ++pages_of.at(info.swap.device());
    EXPECT_EQ(pages_of[0], turns ? 8U : 16U);
    EXPECT_EQ(pages_of[1], turns ? 8U : 0U);
    EXPECT_TRUE(filled(p, kArena, 64_KiB));
    expect_sound(*k);
  }
}

// A disk that wants to know hears of each cluster once nobody uses it any more, and no other disk does.
TEST(Swap, DisksThatDiscardHearOfEmptyClusters) {
  for (const bool discards : {false, true}) {
    const auto k = boot("4K");
    auto made = swap::block_device(PageCount(8192), "sda", {.discards = discards});
    const swap::PlainDevice& disk = *made;
    ASSERT_TRUE(k->swapon(std::move(made)));
    Process& p = filled_program(*k, 8_MiB);
    ASSERT_TRUE(p.madvise(kArena, 8_MiB, kPageOut));
    EXPECT_EQ(disk.stats().discarded, 0U);
    p.exit();
    // Four clusters; the first has the header and is never empty.
    EXPECT_EQ(disk.stats().discarded, discards ? 4U * 512 : 0U);
    EXPECT_EQ(k->swap_used(), PageCount(0));
    expect_sound(*k);
  }
}

// What only disks can be is no property of a zram.
TEST(Swap, ZramNeitherTurnsNorDiscards) {
  const auto k = boot("4K");
  const auto refused = k->swapon(SwapDevice{.size = 16_MiB, .discards = true});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().line(), ::testing::HasSubstr("neither turns nor discards"));
}

// swapoff brings everything back.
TEST(Swap, OffBringsEverythingBack) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 128_KiB);
  Process* const child = *p.fork();
  child->exit();
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, kPageOut));
  Process* const other = *p.fork();
  ASSERT_TRUE(k->swapoff(0));
  EXPECT_EQ(k->swap_total(), PageCount(0));
  EXPECT_TRUE(filled(p, kArena, 128_KiB));
  EXPECT_TRUE(filled(*other, kArena, 128_KiB));
  expect_sound(*k);
}

// Slots that only pages in memory keep, good for the next time, go with their device.
TEST(Swap, OffTakesPagesOutOfTheCache) {
  for (const char* policy : {"64K", "swap-slots-any thp_anon=64K:always"}) {
    const auto k = boot(policy);
    add_swap(*k, 64_MiB, {.block_device = true, .synchronous = false});
    Process& p = filled_program(*k, 128_KiB);
    ASSERT_TRUE(p.madvise(kArena, 128_KiB, kPageOut));
    ASSERT_EQ(p.touch(kArena, AccessKind::kRead), FaultResult::kMajor);
    ASSERT_TRUE(p.madvise(page(16), 64_KiB, MADV_WILLNEED));
    ASSERT_GE(k->swap_used(), PageCount(16 + 1));
    ASSERT_TRUE(k->swapoff(0));
    EXPECT_EQ(k->swap_used(), PageCount(0));
    EXPECT_TRUE(filled(p, kArena, 128_KiB));
    expect_sound(*k);
  }
}

// MADV_FREE of a page whose slot is kept beside it gives the slot up, and the page may go.
TEST(Swap, FreeingDropsTheSlotToo) {
  const auto k = boot("4K");
  add_swap(*k, 64_MiB, {.block_device = true, .synchronous = false});
  Process& p = filled_program(*k, 4_KiB);
  ASSERT_TRUE(p.madvise(kArena, 4_KiB, kPageOut));
  ASSERT_EQ(p.touch(kArena, AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(k->swap_used(), PageCount(1));  // still good for the next time
  ASSERT_TRUE(p.madvise(kArena, 4_KiB, MADV_FREE));
  EXPECT_EQ(k->swap_used(), PageCount(0));
  ASSERT_TRUE(p.madvise(kArena, 4_KiB, kPageOut));
  EXPECT_EQ(picture(p, kArena, 1), ".");
  expect_sound(*k);
}

// What comes from swap and is not written goes again without being written.
TEST(Swap, ACleanPageIsNotWrittenTwice) {
  const auto k = boot("4K");
  MapDevice* const device = add_swap(*k, 64_MiB, {.block_device = true, .synchronous = false});
  Process& p = filled_program(*k, 4_KiB);
  ASSERT_TRUE(p.madvise(kArena, 4_KiB, kPageOut));
  EXPECT_TRUE(filled(p, kArena, 4_KiB));
  ASSERT_TRUE(p.madvise(kArena, 4_KiB, kPageOut));
  EXPECT_EQ(device->writes, 1U);
  EXPECT_TRUE(filled(p, kArena, 4_KiB));
  expect_sound(*k);
}

// MADV_WILLNEED reads into the swap cache; the touch then is a minor fault.
TEST(Swap, WillneedReadsAhead) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, MADV_WILLNEED));
  EXPECT_EQ(k->vmstat("pswpin"), 16U);
  EXPECT_EQ(p.touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_TRUE(filled(p, page(1), 60_KiB));
  expect_sound(*k);
}

// Under pmd-swap 2 MiB are one entry on the way out and one folio on the way in.
TEST(Swap, PmdEntriesComeBackWhole) {
  const auto k = boot("pmd-swap thp_anon=2M:always");
  add_swap(*k);
  Process& p = filled_program(*k, 2_MiB);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 0U);
  expect_sound(*k);
  EXPECT_EQ(p.touch(page(77), AccessKind::kWrite), FaultResult::kMajor);
  EXPECT_EQ(picture(p, kArena, 512), times(512, 'P'));
  EXPECT_EQ(stat(*k, "2048/swpin"), 1U);
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
  expect_sound(*k);
}

// A part of it, or a child, makes a table of the one entry.
TEST(Swap, PmdEntriesBecomeTablesWhereTheyMust) {
  const auto k = boot("pmd-swap thp_anon=2M:always");
  add_swap(*k);
  Process& p = filled_program(*k, 4_MiB);
  ASSERT_TRUE(p.madvise(kArena, 4_MiB, kPageOut));
  ASSERT_TRUE(p.munmap(page(3), 4_KiB));
  Process* const child = *p.fork();
  expect_sound(*k);
  EXPECT_TRUE(filled(p, page(4), 2_MiB));
  EXPECT_TRUE(filled(*child, page(512), 2_MiB));
  expect_sound(*k);
}

// Under swap-in-single nothing comes back large: the one-way loss (system 44).
TEST(Swap, SinglePagesAreAOneWayLoss) {
  const auto k = boot("swap-in-single thp_anon=64K:always");
  add_swap(*k);
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(stat(*k, "64/swpout"), 1U);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  EXPECT_EQ(picture(p, kArena, 16), times(16, '0'));
}

// Under swap-in-shared entries that two programs have give a large folio to both.
TEST(Swap, SharedEntriesComeLarge) {
  const auto k = boot("swap-in-shared thp_anon=64K:always");
  add_swap(*k, 64_MiB, {.block_device = true, .synchronous = false});
  Process& p = filled_program(*k, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  Process* const child = *p.fork();
  EXPECT_EQ(p.touch(kArena, AccessKind::kRead), FaultResult::kMajor);
  EXPECT_EQ(child->touch(page(9), AccessKind::kRead), FaultResult::kMinor);
  EXPECT_EQ(picture(*child, kArena, 16), times(16, '4'));
  EXPECT_EQ(child->layout({page(9), page(10)})[0].mapcount, 2U);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  expect_sound(*k);
}

// A zram lies in the machine's RAM and compresses real bytes; units of 64 KiB make one object of a folio.
TEST(Swap, ZramKeepsRealBytesInRam) {
  for (const ByteCount unit : {4_KiB, 16_KiB, 64_KiB}) {
    const auto k = boot("64K");
    const auto device = k->swapon(SwapDevice{.size = 64_MiB, .algorithm = "zstd", .unit = unit});
    ASSERT_TRUE(device.has_value()) << device.error().line();
    Process& p = filled_program(*k, 8_MiB);
    const PageCount before = k->free_pages();
    ASSERT_TRUE(p.madvise(kArena, 8_MiB, kPageOut));
    EXPECT_EQ(k->swap_used(), PageCount::covering(8_MiB));
    EXPECT_GT(k->free_pages(), before);
    EXPECT_LT(k->free_pages(), before + PageCount::covering(8_MiB));
    expect_sound(*k);
    EXPECT_TRUE(filled(p, kArena, 8_MiB));
    expect_sound(*k);
  }
}

// What cannot be a device is said in a line.
TEST(Swap, AWrongDeviceIsRefused) {
  const auto k = boot("64K");
  const auto codec = k->swapon(SwapDevice{.algorithm = "lz5"});
  ASSERT_FALSE(codec.has_value());
  EXPECT_THAT(codec.error().line(), ::testing::HasSubstr("lz5"));
  EXPECT_FALSE(k->swapon(SwapDevice{.unit = 8_KiB}).has_value());
  EXPECT_FALSE(k->swapon(SwapDevice{.size = 4_KiB}).has_value());
}

// A collapse brings back what is in swap.
TEST(Swap, CollapseBringsPagesBack) {
  const auto k = boot("64K");
  add_swap(*k);
  Process& p = filled_program(*k, 2_MiB);
  ASSERT_TRUE(p.madvise(kArena, 256_KiB, kPageOut));
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, 25));
  EXPECT_EQ(picture(p, kArena, 512), times(512, 'P'));
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
  EXPECT_EQ(k->swap_used(), PageCount(0));
  expect_sound(*k);
}

// Other threads compress ahead what PAGEOUT is about to write: folios, pieces of folios that are split on
// the way, zeroes, pages that are written twice. Nothing but time shows how many threads there were.
TEST(Swap, ThreadsDoNotShow) {
  std::vector<std::uint64_t> hashes;
  for (const unsigned threads : {1U, 2U, 4U}) {
    const auto k = boot("thp_anon=16K-64K,512K:always", 64_MiB);
    SwapDevice device;
    device.size = 24_MiB;
    device.algorithm = "lz4";
    device.unit = 16_KiB;
    device.threads = threads;
    ASSERT_TRUE(k->swapon(device));
    Process& p = k->spawn();
    map(p, 16_MiB);
    base::Rng rng(5);
    for (int round = 0; round < 60; ++round) {
      const std::uint64_t first = rng.below(4096), count = 1 + rng.below(4096 - first);
      const VirtAddr at = page(first);
      const ByteCount length = pages(count);
      switch (rng.below(5)) {
        case 0:
          ASSERT_TRUE(p.madvise(at, length, MADV_DONTNEED));
          break;
        case 1:
          for (std::uint64_t n = 0; n < count; n += 1 + rng.below(3))
            (void)p.touch(at + PageCount(n), AccessKind::kWrite);
          break;
        case 2:
          fill(p, at, length);
          break;
        default:
          ASSERT_TRUE(p.madvise(at, length, kPageOut));
      }
    }
    expect_sound(*k);
    EXPECT_GT(k->vmstat("pswpout"), 4000U);
    hashes.push_back(k->state_hash());
  }
  EXPECT_EQ(hashes[1], hashes[0]);
  EXPECT_EQ(hashes[2], hashes[0]);
}

}  // namespace
}  // namespace quire
