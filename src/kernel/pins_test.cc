// Pins: what a device may write to is not shared, not split, not collapsed.
#include <gtest/gtest.h>

#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

std::uint32_t mapcount(const Process& p, VirtAddr at) {
  return p.layout({at, at + PageCount(1)})[0].mapcount;
}

// A pin on one page of a folio counts for the folio: each of its exclusive pages
// is copied at fork, and the parent keeps what it may write to.
TEST(Pins, ForkCopiesThePagesOfAPinnedFolio) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 128_KiB);
  fill(p, kArena, 128_KiB);
  ASSERT_TRUE(p.pin(page(3), pages(1)));
  Process& child = **p.fork();
  EXPECT_EQ(picture(p, kArena, 32), std::string(32, '4'));
  EXPECT_EQ(picture(child, kArena, 32), std::string(16, '0') + std::string(16, '4'));
  EXPECT_TRUE(filled(child, kArena, 128_KiB));
  EXPECT_EQ(mapcount(p, page(0)), 1U);
  EXPECT_EQ(mapcount(p, page(16)), 2U);
  EXPECT_EQ(p.touch(page(0), AccessKind::kWrite), FaultResult::kHit);
  expect_sound(*k);
}

TEST(Pins, ForkSplitsAPinnedHugeEntry) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  ASSERT_TRUE(p.pin(page(7), pages(1)));
  Process& child = **p.fork();
  EXPECT_EQ(picture(p, kArena, 512), std::string(512, '9'));
  EXPECT_EQ(picture(child, kArena, 512), std::string(512, '0'));
  EXPECT_TRUE(filled(child, kArena, 2_MiB));
  EXPECT_EQ(*k->vmstat("thp_split_pmd"), 1U);
  expect_sound(*k);
}

// Dropped pins leave no trace.
TEST(Pins, UnpinnedMemoryIsShared) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  ASSERT_TRUE(p.pin(kArena, 64_KiB));
  EXPECT_EQ(p.unpin(kArena, 32_KiB).error(), Errno::kInval);
  ASSERT_TRUE(p.unpin(kArena, 64_KiB));
  EXPECT_EQ(p.unpin(kArena, 64_KiB).error(), Errno::kInval);
  const Process& child = **p.fork();
  EXPECT_EQ(picture(child, kArena, 16), std::string(16, '4'));
  expect_sound(*k);
}

// A pin on a shared page copies it first, as a write would.
TEST(Pins, BreakSharing) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  fill(p, kArena, 64_KiB);
  Process& child = **p.fork();
  ASSERT_TRUE(child.pin(page(2), pages(1)));
  EXPECT_EQ(picture(child, kArena, 4), "4404");
  EXPECT_TRUE(filled(child, kArena, 64_KiB));
  expect_sound(*k);
}

// The pin of the first page is a reference more than there are maps, so that
// the other pages cannot be taken over in place.
TEST(Pins, StopTheReuseOfTheOtherPages) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  fill(p, kArena, 64_KiB);
  (*p.fork())->exit();
  ASSERT_TRUE(p.pin(kArena, 64_KiB));
  EXPECT_EQ(picture(p, kArena, 16), "4" + std::string(15, '0'));
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  expect_sound(*k);
}

// Reading without ever being copied later: the page becomes the reader's own,
// though not writable.
TEST(Pins, ForReadingUnshare) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  fill(p, kArena, 64_KiB);
  Process& child = **p.fork();
  ASSERT_TRUE(child.pin_to_read(kArena, pages(1)));
  EXPECT_EQ(picture(child, kArena, 2), "04");
  EXPECT_EQ(child.touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(picture(child, kArena, 2), "04");
  expect_sound(*k);
}

TEST(Pins, NeedMemoryThatMayBeWritten) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  ASSERT_TRUE(p.mprotect(page(8), pages(8), PROT_READ));
  EXPECT_EQ(p.pin(kArena, 64_KiB).error(), Errno::kFault);
  EXPECT_EQ(p.pin(page(100), pages(1)).error(), Errno::kFault);
  const Process& child = **p.fork();  // nothing stayed pinned
  EXPECT_EQ(mapcount(child, kArena), 2U);
  expect_sound(*k);
}

// A folio lives as long as its pin, also without a map; exec and exit drop pins.
TEST(Pins, OutliveTheMapping) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  ASSERT_TRUE(p.pin(kArena, 64_KiB));
  ASSERT_TRUE(p.munmap(kArena, 64_KiB));
  EXPECT_EQ(stat(*k, "64/nr_anon"), 1U);
  expect_sound(*k);
  ASSERT_TRUE(p.exec());
  EXPECT_EQ(stat(*k, "64/nr_anon"), 0U);
  expect_sound(*k);
}

// No split of a part, no collapse over it.
TEST(Pins, KeepFoliosWhole) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  ASSERT_TRUE(p.pin(page(1), pages(1)));
  ASSERT_TRUE(p.madvise(kArena, 32_KiB, MADV_FREE));
  EXPECT_EQ(picture(p, kArena, 16), std::string(16, '4'));
  EXPECT_EQ(stat(*k, "64/split_failed"), 1U);
  constexpr int kCollapse = 25;
  EXPECT_EQ(p.madvise(kArena, 2_MiB, kCollapse).error(), Errno::kAgain);
  ASSERT_TRUE(p.unpin(page(1), pages(1)));
  EXPECT_TRUE(p.madvise(kArena, 2_MiB, kCollapse));
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
