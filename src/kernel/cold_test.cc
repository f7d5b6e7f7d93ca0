// MADV_COLD and MADV_PAGEOUT on a machine without swap space. The counters
// are those the live kernel moved for the same calls.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

constexpr int kCold = MADV_COLD, kPageOut = MADV_PAGEOUT;

// A program with n pages of its own, none of them zero.
Process& program(Kernel& k, ByteCount length, ByteCount filled_bytes) {
  Process& p = k.spawn();
  map(p, length);
  fill(p, kArena, filled_bytes);
  return p;
}

// COLD of a whole folio changes nothing that can be seen; of a part of it,
// the folio is split, which for PTE maps passes the deferred list.
TEST(Cold, OfAPartSplits) {
  const auto k = boot("64K");
  Process& p = program(*k, 1_MiB, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kCold));
  EXPECT_EQ(stat(*k, "64/split"), 0U);
  ASSERT_TRUE(p.madvise(page(16), pages(2), kCold));
  EXPECT_EQ(picture(p, kArena, 33), "44444444444444440000000000000000.");
  EXPECT_EQ(stat(*k, "64/split"), 1U);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 1U);
  EXPECT_TRUE(filled(p, kArena, 128_KiB));
  expect_sound(*k);
}

// Without swap PAGEOUT of a whole folio finds no room for it, splits it, and
// then finds none for its pages either.
TEST(PageOut, WithoutSwapSplitsWhatItCannotTake) {
  const auto k = boot("64K");
  Process& p = program(*k, 1_MiB, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 1U);
  ASSERT_TRUE(p.madvise(page(16), pages(2), kPageOut));  // split by the advice itself
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 1U);
  EXPECT_EQ(stat(*k, "64/split"), 2U);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 2U);
  EXPECT_TRUE(filled(p, kArena, 128_KiB));
  expect_sound(*k);
}

// The same of 2 MiB: a huge PMD is split as one, PTE maps page by page.
TEST(PageOut, Of2MiB) {
  const auto k = boot("2M");
  Process& p = program(*k, 6_MiB, 6_MiB);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("thp_swpout_fallback"), 1U);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(stat(*k, "2048/split_deferred"), 0U);
  ASSERT_TRUE(p.madvise(page(512), 1_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("thp_swpout_fallback"), 1U);
  EXPECT_EQ(k->vmstat("thp_split_page"), 2U);
  ASSERT_TRUE(p.mprotect(page(1024), 4_KiB, PROT_READ));
  ASSERT_TRUE(p.mprotect(page(1024), 4_KiB, PROT_READ | PROT_WRITE));
  ASSERT_TRUE(p.madvise(page(1024), 2_MiB, kPageOut));
  EXPECT_EQ(stat(*k, "2048/swpout_fallback"), 2U);
  EXPECT_EQ(stat(*k, "2048/split_deferred"), 1U);
  EXPECT_TRUE(filled(p, kArena, 6_MiB));
  expect_sound(*k);
}

// Pages of a split folio that hold only zeroes give way to the zero page.
TEST(PageOut, ZeroFilledPagesGoWithTheSplit) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  for (unsigned i = 0; i < 16; i += 2) fill(p, page(i), pages(1));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(picture(p, kArena, 17), "0z0z0z0z0z0z0z0z.");
  expect_sound(*k);
}

// Of a folio that lost a page already, both take the rest as a part: no fallback.
TEST(PageOut, OfAPartiallyMappedFolio) {
  const auto k = boot("64K");
  Process& p = program(*k, 1_MiB, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 4_KiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(picture(p, kArena, 17), ".000000000000000.");
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 0U);
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 0U);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  expect_sound(*k);
}

// What MADV_FREE marked is dropped, whole or in parts.
TEST(PageOut, DropsWhatWasFreed) {
  const auto k = boot("64K");
  Process& p = program(*k, 1_MiB, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, MADV_FREE));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kCold));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(k->vmstat("pglazyfreed"), 16U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 1U);
  EXPECT_EQ(stat(*k, "64/split"), 0U);
  ASSERT_TRUE(p.madvise(page(16), pages(2), kPageOut));
  EXPECT_EQ(k->vmstat("pglazyfreed"), 18U);
  EXPECT_EQ(picture(p, kArena, 33), "..................00000000000000.");
  expect_sound(*k);
}

// A write after MADV_FREE saves the whole folio: it stays, and is ordinary again.
TEST(PageOut, KeepsWhatWasWrittenSince) {
  const auto k = boot("64K");
  Process& p = program(*k, 1_MiB, 64_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, MADV_FREE));
  fill(p, kArena, 4_KiB);
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(picture(p, kArena, 17), "4444444444444444.");
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 0U);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, kPageOut));
  EXPECT_EQ(stat(*k, "64/swpout_fallback"), 1U);
  expect_sound(*k);
}

// 2 MiB that were freed are dropped too, their PMD split first; written
// since, the PMD is split all the same.
TEST(PageOut, FreedHugePmdIsSplitFirst) {
  const auto k = boot("2M");
  Process& p = program(*k, 4_MiB, 4_MiB);
  ASSERT_TRUE(p.madvise(kArena, 4_MiB, MADV_FREE));
  fill(p, page(512), 4_KiB);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("pglazyfreed"), 512U);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(stat(*k, "2048/split_deferred"), 0U);
  ASSERT_TRUE(p.madvise(page(512), 2_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 2U);
  EXPECT_EQ(picture(p, page(512), 3), "999");
  EXPECT_TRUE(filled(p, page(512), 2_MiB));
  expect_sound(*k);
}

// What others map is left alone; what is locked is refused; the huge zero
// folio is nobody's to take.
TEST(PageOut, LeavesSharedLockedAndZeroAlone) {
  const auto k = boot("64K+2M");
  Process& p = k->spawn();
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  Process& child = **p.fork();
  for (const int advice : {kCold, kPageOut}) {
    ASSERT_TRUE(p.madvise(kArena, 64_KiB, advice));
    ASSERT_TRUE(p.madvise(kArena, 8_KiB, advice));
  }
  EXPECT_EQ(stat(*k, "64/split"), 0U);
  child.exit();
  ASSERT_TRUE(p.mlock(kArena, 64_KiB));
  EXPECT_EQ(p.madvise(kArena, 64_KiB, kCold).error(), Errno::kInval);
  EXPECT_EQ(p.madvise(kArena, 64_KiB, kPageOut).error(), Errno::kInval);
  map(p, 2_MiB, page(512));
  p.touch(page(512), AccessKind::kRead);
  ASSERT_TRUE(p.madvise(page(512), 1_MiB, kCold));
  ASSERT_TRUE(p.madvise(page(512), 2_MiB, kPageOut));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 0U);
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
