#include "swap/swap_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "compress/page_source.h"
#include "compress/testing_bytes.h"
#include "swap/testing_slots.h"
#include "swap/zram.h"

namespace quire::swap {
namespace {

using stats::MthpStat;
using stats::VmEvent;
using testing::Space;

// The header's slot is nobody's; single pages begin in the first cluster, which
// the header keeps from being free.
TEST(SwapSpace, SinglePagesBeginBehindTheHeader) {
  Space space;
  space.swapon(4096);
  EXPECT_EQ(space.out(kOrder0).slot(), 1U);
  EXPECT_EQ(space.out(kOrder0).slot(), 2U);
}

// A large folio gets slots in a row from a cluster that was free, and the next one of
// its order goes on behind it.
TEST(SwapSpace, LargeFoliosShareAClusterOfTheirOrder) {
  Space space;
  space.swapon(4096);
  EXPECT_EQ(space.out(Order(4)).slot(), 512U);
  EXPECT_EQ(space.out(Order(4)).slot(), 528U);
  EXPECT_EQ(space.out(Order(3)).slot(), 1024U);
  EXPECT_EQ(space.out(kOrder0).slot(), 1U);
  EXPECT_EQ(space.out(Order(9)).slot(), 1536U);
}

// What is given back is used again only when the cluster that is being filled is full.
TEST(SwapSpace, FreedSlotsWaitUntilTheClusterIsFull) {
  Space space;
  space.swapon(4096);
  const SwapEntry first = space.out(Order(8));
  const SwapEntry second = space.out(Order(8));
  EXPECT_EQ(second.slot(), first.slot() + 256);
  const SwapEntry third = space.out(Order(8));
  EXPECT_EQ(third.slot(), 1024U);
  space.drop(first);
  EXPECT_EQ(space.out(Order(8)).slot(), 1280U);
  EXPECT_EQ(space.out(Order(8)).slot(), first.slot());
}

// A cluster that becomes empty goes behind all other free ones.
TEST(SwapSpace, AnEmptiedClusterIsTheLastFreeOne) {
  Space space;
  space.swapon(2048);
  const SwapEntry first = space.out(Order(9));
  EXPECT_EQ(first.slot(), 512U);
  space.drop(first);
  EXPECT_EQ(space.out(Order(9)).slot(), 1024U);
  EXPECT_EQ(space.out(Order(9)).slot(), 1536U);
  EXPECT_EQ(space.out(Order(9)).slot(), 512U);
  EXPECT_FALSE(space.swap.add_to_swap(space.page(Order(9)), Order(9)));
}

// A single page steals from large folios' clusters when nothing else is left; a large
// folio never does.
TEST(SwapSpace, SinglePagesStealFromLargeOrders) {
  Space space;
  space.swapon(1024);
  const SwapEntry large = space.out(Order(4));
  for (std::uint64_t i = 1; i < 512; ++i) EXPECT_EQ(space.out(kOrder0).slot(), i);
  EXPECT_EQ(space.out(kOrder0).slot(), large.slot() + 16);
  EXPECT_FALSE(space.swap.add_to_swap(space.page(Order(3)), Order(3)));
  EXPECT_TRUE(space.swap.add_to_swap(space.page(Order(4)), Order(4)));
}

// A slot is free when neither an entry nor a cached folio refers to it.
TEST(SwapSpace, SlotIsFreeWhenNothingRefersToIt) {
  Space space;
  space.swapon(1024);
  const Pfn head = space.page(Order(2));
  const SwapEntry entry = *space.swap.add_to_swap(head, Order(2));
  EXPECT_EQ(space.swap.cached(entry + PageCount(3)), head + PageCount(3));
  EXPECT_EQ(space.swap.entry_of(head), entry);
  space.swap.dup(entry, PageCount(4));
  space.swap.remove_from_cache(head);
  EXPECT_EQ(space.swap.used(), PageCount(4));
  EXPECT_EQ(space.swap.count(entry), 1U);
  space.swap.put(entry + PageCount(1));
  EXPECT_EQ(space.swap.used(), PageCount(3));
  space.swap.put(entry);
  space.swap.put(entry + PageCount(2), PageCount(2));
  EXPECT_EQ(space.swap.used(), PageCount(0));
}

// More references than a byte holds are counted to the last.
TEST(SwapSpace, CountsHaveNoLimit) {
  Space space;
  space.swapon(1024);
  const SwapEntry entry = space.out(kOrder0);
  for (int i = 1; i < 1000; ++i) space.swap.dup(entry);
  EXPECT_EQ(space.swap.count(entry), 1000U);
  for (int i = 0; i < 999; ++i) space.swap.put(entry);
  EXPECT_EQ(space.swap.count(entry), 1U);
  space.swap.put(entry);
  EXPECT_EQ(space.swap.used(), PageCount(0));
}

// The device with the highest priority is filled first, equals take turns whenever a
// cluster is full.
TEST(SwapSpace, PrioritiesDecideAndEqualsTakeTurns) {
  Space space;
  const std::uint8_t low = space.swapon(1024, 1);
  const std::uint8_t a = space.swapon(1537, 5);
  const std::uint8_t b = space.swapon(1537, 5);
  std::vector<std::uint8_t> turns;
  for (int i = 0; i < 4; ++i) turns.push_back(space.out(Order(9)).device());
  EXPECT_EQ(turns, (std::vector<std::uint8_t>{a, b, a, b}));
  EXPECT_FALSE(space.swap.add_to_swap(space.page(Order(9)), Order(9)));  // it does not go on to `low`
  for (int i = 0; i < 1024; ++i) EXPECT_NE(space.out(kOrder0).device(), low);
  EXPECT_EQ(space.out(kOrder0).device(), low);
}

// A file has no room for large folios whole.
TEST(SwapSpace, FilesTakeSinglePagesOnly) {
  Space space;
  space.swapon(1024, 0, {.block_device = false});
  EXPECT_FALSE(space.swap.add_to_swap(space.page(Order(2)), Order(2)));
  EXPECT_EQ(space.out(kOrder0).slot(), 1U);
}

// A device is taken out of use when its last slot is free.
TEST(SwapSpace, SwapoffWaitsForTheLastSlot) {
  Space space;
  const std::uint8_t device = space.swapon(1024);
  const SwapEntry entry = space.out(kOrder0);
  EXPECT_EQ(space.swap.swapoff(device).error(), Errno::kBusy);
  EXPECT_FALSE(space.swap.add_to_swap(space.page(kOrder0), kOrder0));
  space.drop(entry);
  EXPECT_TRUE(space.swap.swapoff(device));
  EXPECT_FALSE(space.swap.any());
  EXPECT_EQ(space.swapon(1024), device);
}

// A folio of zeroes is noted, not written; one byte has all of it written.
TEST(SwapSpace, ZeroesAreNotWritten) {
  Space space;
  space.swapon(1024);
  const Pfn zero = space.page(Order(2));
  const SwapEntry entry = *space.swap.add_to_swap(zero, Order(2));
  EXPECT_TRUE(space.swap.write(zero));
  EXPECT_TRUE(space.swap.is_zero(entry + PageCount(3)));
  EXPECT_EQ(space.counters.get(VmEvent::swpout_zero), 4U);
  EXPECT_EQ(space.counters.get(VmEvent::pswpout), 0U);
  space.memory.bytes(zero)[4 * kPageSize - 1] = std::byte{7};
  EXPECT_TRUE(space.swap.write(zero));
  EXPECT_FALSE(space.swap.is_zero(entry));
  EXPECT_EQ(space.counters.get(VmEvent::pswpout), 4U);
  EXPECT_EQ(space.counters.get(MthpStat::swpout, Order(2)), 1);
  const Pfn back = space.page(Order(2), 9);
  EXPECT_TRUE(space.swap.read(entry, back, Order(2)));
  EXPECT_EQ(std::memcmp(space.memory.bytes(back), space.memory.bytes(zero), 4 * kPageSize), 0);
  EXPECT_EQ(space.counters.get(VmEvent::pswpin), 4U);
  EXPECT_EQ(space.counters.get(MthpStat::swpin, Order(2)), 1);
}

// A machine that keeps no contents knows of no zeroes: everything is written.
TEST(SwapSpace, WithoutContentsNothingIsZero) {
  phys::PhysMemory memory = *phys::PhysMemory::create({.ram = 16_MiB, .contents = phys::Contents::kNone});
  stats::Counters counters;
  SwapSpace swap(memory, counters);
  ASSERT_TRUE(swap.swapon(std::make_unique<testing::MapDevice>(PageCount(64))));
  const Pfn page = *memory.allocate(kOrder0);
  const auto entry = swap.add_to_swap(page, kOrder0);
  ASSERT_TRUE(entry && swap.write(page));
  EXPECT_FALSE(swap.is_zero(*entry));
  EXPECT_EQ(counters.get(VmEvent::pswpout), 1U);
}

// A request is counted when it is made, as the kernel does, and its failure is told.
TEST(SwapSpace, FailuresAreToldAndCounted) {
  Space space;
  const std::uint8_t device = space.swapon(1024);
  auto& below = dynamic_cast<testing::MapDevice&>(space.swap.backend(device));
  const Pfn head = space.page(Order(2), 1);
  const SwapEntry entry = *space.swap.add_to_swap(head, Order(2));
  below.fails_to_write = true;
  EXPECT_EQ(space.swap.write(head).error(), IoError::kWrite);
  EXPECT_EQ(space.counters.get(VmEvent::pswpout), 4U);
  below.fails_to_write = false;
  below.fails_to_read = true;
  EXPECT_TRUE(space.swap.write(head));
  EXPECT_EQ(space.swap.read(entry, head, Order(2)).error(), IoError::kRead);
  EXPECT_EQ(space.swap.entry_of(head), entry);  // nothing else has changed
  EXPECT_EQ(space.swap.used(), PageCount(4));
}

// zswap stands in front of a device: what it keeps counts as zswap's.
class FrontDevice final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return "front"; }
  [[nodiscard]] Traits traits() const override { return {}; }
  [[nodiscard]] PageCount size() const override { return PageCount(1024); }
  [[nodiscard]] Result<void, IoError> write(std::uint64_t, Pages) override { return {}; }
  [[nodiscard]] Result<void, IoError> read(std::uint64_t, Pages) override { return {}; }
  void slots_freed(std::uint64_t, PageCount) override {}
  [[nodiscard]] bool kept_in_front(std::uint64_t) const override { return true; }
};
TEST(SwapSpace, WhatZswapKeepsCountsAsItsOwn) {
  Space space;
  ASSERT_TRUE(space.swap.swapon(std::make_unique<FrontDevice>()));
  const Pfn head = space.page(Order(2), 1);
  const SwapEntry entry = *space.swap.add_to_swap(head, Order(2));
  EXPECT_TRUE(space.swap.write(head));
  EXPECT_TRUE(space.swap.read(entry, head, kOrder0));
  EXPECT_EQ(space.counters.get(MthpStat::zswpout, Order(2)), 1);
  EXPECT_EQ(space.counters.get(MthpStat::swpout, Order(2)), 0);
  EXPECT_EQ(space.counters.get(VmEvent::zswpout), 4U);
  EXPECT_EQ(space.counters.get(VmEvent::zswpin), 1U);
  EXPECT_EQ(space.counters.get(VmEvent::pswpout) + space.counters.get(VmEvent::pswpin), 0U);
}

// A folio that the swap cache gets makes zswap let go of its pages, and is dirty if it had one:
// nobody else has its bytes. Of zeroes the device was not asked, and they may be read again.
class LettingGo final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return "letting go"; }
  [[nodiscard]] Traits traits() const override { return {}; }
  [[nodiscard]] PageCount size() const override { return PageCount(1024); }
  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override {
    for (std::uint64_t n = 0; n < pages.count.raw(); ++n) kept.insert(slot + n);
    return {};
  }
  [[nodiscard]] Result<void, IoError> read(std::uint64_t, Pages) override { return {}; }
  void slots_freed(std::uint64_t, PageCount) override {}
  bool give_up_in_front(std::uint64_t slot, PageCount count) override {
    std::size_t gone = 0;
    for (std::uint64_t n = 0; n < count.raw(); ++n) gone += kept.erase(slot + n);
    return gone != 0;
  }
  std::set<std::uint64_t> kept;
};
TEST(SwapSpace, WhatTheCacheGetsZswapLetsGoOf) {
  for (const SlotPolicy slots : {SlotPolicy::kContiguous, SlotPolicy::kIndirection}) {
    Space space;
    auto made = std::make_unique<LettingGo>();
    LettingGo& device = *made;
    ASSERT_TRUE(space.swap.swapon(std::move(made), {.priority = std::nullopt, .slots = slots}));
    const auto comes_back_dirty = [&](unsigned char fill) {
      const Pfn head = space.page(Order(2), fill);
      const SwapEntry entry = *space.swap.add_to_swap(head, Order(2));
      EXPECT_TRUE(space.swap.write(head));
      space.swap.dup(entry, PageCount(4));
      space.swap.remove_from_cache(head);
      EXPECT_TRUE(space.swap.read(entry, head, Order(2)));
      EXPECT_EQ(device.kept.size(), fill == 0 ? 0U : 4U);
      space.swap.add_to_cache(head, Order(2), entry);
      EXPECT_TRUE(device.kept.empty());
      return space.memory.frame(head).dirty != 0;
    };
    EXPECT_TRUE(comes_back_dirty(1));
    EXPECT_FALSE(comes_back_dirty(0));
  }
}

// The pools of all devices are shrunk together: what they say they can give back they do, and
// pages_compacted counts it in the zram it came from. A disk has nothing to give.
TEST(SwapSpace, PoolsOfDevicesAreCompacted) {
  compress::HeapPages frames;
  Space space;
  auto made = *Zram::create(frames, {.disksize = 16_MiB, .algorithm = compress::Algorithm::kLz4});
  Zram& zram = *made;
  space.swapon(1024, 1);
  ASSERT_TRUE(space.swap.swapon(std::move(made), {.priority = 2}));
  std::vector<SwapEntry> entries;
  for (std::uint64_t n = 0; n < 300; ++n) {
    const Pfn head = space.page(kOrder0);
    const auto text = compress::testing::bytes_of(compress::testing::Kind::kText, kPageSize, n);
    std::memcpy(space.memory.bytes(head), text.data(), kPageSize);
    entries.push_back(*space.swap.add_to_swap(head, kOrder0));
    ASSERT_TRUE(space.swap.write(head));
    space.swap.dup(entries.back());
    space.swap.remove_from_cache(head);
    space.memory.free(head, kOrder0);
  }
  EXPECT_EQ(space.swap.compact(), PageCount());  // all of it is in use
  for (std::size_t n = 0; n < entries.size(); ++n)
    if (n % 3 != 0) space.swap.put(entries[n]);
  const PageCount promised = space.swap.compactable(), before = frames.used();
  EXPECT_GT(promised, PageCount());
  EXPECT_EQ(space.swap.compact(), promised);
  EXPECT_EQ(frames.used(), before - promised);
  EXPECT_EQ(zram.stats().pages_compacted, promised);
  EXPECT_EQ(space.swap.compactable(), PageCount());
  const Pfn back = space.page(kOrder0);
  for (std::size_t n = 0; n < entries.size(); n += 3) {
    const auto text = compress::testing::bytes_of(compress::testing::Kind::kText, kPageSize, n);
    ASSERT_TRUE(space.swap.read(entries[n], back, kOrder0));
    ASSERT_EQ(std::memcmp(space.memory.bytes(back), text.data(), kPageSize), 0) << n;
  }
}

// Pieces of a cached folio are found one by one.
TEST(SwapSpace, PiecesOfASplitFolioHaveTheirOwnSlots) {
  Space space;
  space.swapon(1024);
  const Pfn head = space.page(Order(2));
  const SwapEntry entry = *space.swap.add_to_swap(head, Order(2));
  space.swap.split_cached(head, Order(2), kOrder0);
  EXPECT_EQ(space.swap.entry_of(head + PageCount(2)), entry + PageCount(2));
  space.swap.remove_from_cache(head + PageCount(2));
  EXPECT_EQ(space.swap.used(), PageCount(3));
  EXPECT_EQ(space.swap.cached(entry + PageCount(3)), head + PageCount(3));
}

// More than half full, swap asks for the slots of folios that only the cache keeps; less
// than that it leaves them. Who asked looks in the other lists first: the next one gets them.
TEST(SwapSpace, CachedFoliosAreGivenUpWhenSwapIsMoreThanHalfFull) {
  Space space;
  space.swapon(1024);
  std::vector<Pfn> asked;
  space.swap.set_cache_dropper([&](Pfn head, Order) {
    asked.push_back(head);
    return space.swap.free_swap(head);
  });
  const Pfn kept = space.page(Order(8));
  const SwapEntry first = *space.swap.add_to_swap(kept, Order(8));
  const SwapEntry second = space.out(Order(8));
  space.drop(second);
  EXPECT_EQ(space.out(Order(8)), second);
  EXPECT_TRUE(asked.empty());
  for (int i = 0; i < 256; ++i) (void)space.out(kOrder0);
  EXPECT_FALSE(space.try_out(Order(8)));
  EXPECT_EQ(space.out(Order(8)), first);
  EXPECT_EQ(asked, std::vector<Pfn>{kept});
}

// Behind entries in a row lies any slot: a fragmented device still has room for a large
// folio, and the requests it takes are counted.
TEST(SwapSpace, EntriesThatAreNoSlotsAreAlwaysInARow) {
  Space space;
  const std::uint8_t device = space.swapon(66, 0, {.block_device = false}, SlotPolicy::kIndirection);
  std::vector<SwapEntry> single;
  for (int i = 0; i < 65; ++i) single.push_back(space.out(kOrder0));
  for (std::size_t i = 0; i < 64; i += 2) space.drop(single[i]);
  const Pfn head = space.page(Order(5), 3);
  const auto entry = space.swap.add_to_swap(head, Order(5));
  ASSERT_TRUE(entry && entry->slot() % 32 == 0);
  EXPECT_TRUE(space.swap.write(head));
  EXPECT_EQ(space.swap.report(device).requests.writes, 32U);
  const Pfn back = space.page(Order(5), 9);
  EXPECT_TRUE(space.swap.read(*entry, back, Order(5)));
  EXPECT_EQ(std::memcmp(space.memory.bytes(back), space.memory.bytes(head), 32 * kPageSize), 0);
  EXPECT_FALSE(space.try_out(kOrder0));
  base::InvariantReport report;
  space.swap.check_invariants(report);
  EXPECT_TRUE(report.ok()) << report.text();
}

// What lists a device has, and what of it has room, can be read and seen.
TEST(SwapSpace, ReportsItsClusters) {
  Space space;
  const std::uint8_t device = space.swapon(2048);
  const SwapEntry large = space.out(Order(8));
  (void)space.out(kOrder0);
  SlotReport report = space.swap.report(device);
  EXPECT_EQ(report.free, (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(report.frag[8], std::vector<std::uint32_t>{1});
  EXPECT_EQ(report.frag[0], std::vector<std::uint32_t>{0});
  EXPECT_EQ(report.room[8], 5U);
  EXPECT_EQ(report.room[9], 2U);
  EXPECT_EQ(space.swap.picture(device),
            "     0 frag    order 0    2 x...............................................................\n"
            "     1 frag    order 8  256 ################################................................\n");
  space.swap.put(large, PageCount(1));
  report = space.swap.report(device);
  EXPECT_EQ(report.nonfull[8], std::vector<std::uint32_t>{1});
  EXPECT_EQ(report.room[8], 5U);
}

// What is known of the slots of a full device takes little more than a byte for each.
TEST(SwapSpace, TakesLittleMemory) {
  Space space;
  const std::uint8_t device = space.swapon(8192);
  const std::size_t empty = space.swap.report(device).bytes;
  EXPECT_LT(empty, 8192U / 4);
  while (space.try_out(Order(9))) continue;
  EXPECT_LT(space.swap.report(device).bytes, 8192U * 3 / 2);
}

}  // namespace
}  // namespace quire::swap
