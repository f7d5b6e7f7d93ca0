#include "swap/swap_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "swap/testing_slots.h"

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

}  // namespace
}  // namespace quire::swap
