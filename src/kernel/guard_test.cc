// Guard regions through the library. Every figure here was seen on the live
// kernel first.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

constexpr int kGuardInstall = 102, kGuardRemove = 103;

FaultResult read(Process& p, VirtAddr at) { return p.touch(at, AccessKind::kRead); }
FaultResult write(Process& p, VirtAddr at) { return p.touch(at, AccessKind::kWrite); }

// Pages in the way go, their folio becomes partially mapped, a touch is SIGSEGV.
TEST(Guard, TakesPagesOutOfAFolio) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  ASSERT_TRUE(p.madvise(page(4), pages(2), kGuardInstall));
  EXPECT_EQ(picture(p, kArena, 17), "4444GG4444444444.");
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 1U);
  EXPECT_EQ(read(p, page(4)), FaultResult::kSegv);
  EXPECT_EQ(write(p, page(5)), FaultResult::kSegv);
  EXPECT_EQ(read(p, page(3)), FaultResult::kHit);
  expect_sound(*k);
}

// MADV_DONTNEED drops pages and keeps markers; a marker keeps its block from
// becoming large; removing it leaves an empty entry.
TEST(Guard, StaysUntilRemoved) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  ASSERT_TRUE(p.madvise(page(4), pages(2), kGuardInstall));
  ASSERT_TRUE(p.madvise(kArena, 1_MiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(kArena, 1_MiB, MADV_FREE));
  write(p, page(0));
  write(p, page(20));
  EXPECT_EQ(picture(p, kArena, 17), "0...GG..........4");
  ASSERT_TRUE(p.madvise(kArena, 1_MiB, kGuardRemove));
  EXPECT_EQ(write(p, page(4)), FaultResult::kMinor);
  EXPECT_EQ(picture(p, kArena, 8), "0...0...");
  EXPECT_EQ(stat(*k, "64/anon_fault_alloc"), 1U);
  expect_sound(*k);
}

// A table that holds a marker is not given back by MADV_DONTNEED of its 2 MiB.
TEST(Guard, KeepsItsTable) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 2_MiB);
  ASSERT_TRUE(p.madvise(page(7), pages(1), kGuardInstall));
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_DONTNEED));
  EXPECT_EQ(write(p, page(0)), FaultResult::kMinor);
  EXPECT_EQ(picture(p, kArena, 8), "0......G");
  expect_sound(*k);
}

// In a huge PMD a marker splits the PMD, not the folio; over all of it the
// folio goes whole and no PMD is split.
TEST(Guard, SplitsAHugePmdOnlyWherePartial) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 4_MiB);
  write(p, page(0));
  write(p, page(512));
  ASSERT_TRUE(p.madvise(page(1), pages(1), kGuardInstall));
  EXPECT_EQ(picture(p, kArena, 4), "9G99");
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(stat(*k, "2048/split_deferred"), 1U);
  ASSERT_TRUE(p.madvise(page(512), 2_MiB, kGuardInstall));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 1U);
  EXPECT_EQ(picture(p, page(512), 4), "GGGG");
  expect_sound(*k);
}

// In the huge zero folio: its PMD is split, the other 511 are zero pages.
TEST(Guard, InTheHugeZeroFolio) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 2_MiB);
  read(p, page(0));
  ASSERT_TRUE(p.madvise(page(0), pages(1), kGuardInstall));
  EXPECT_EQ(picture(p, kArena, 4), "Gzzz");
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  expect_sound(*k);
}

// fork copies markers, also of a mapping no page of which was ever touched;
// mremap takes them along; mprotect does not see them.
TEST(Guard, ForkCopiesAndMremapMoves) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  ASSERT_TRUE(p.madvise(page(4), pages(1), kGuardInstall));
  Process& child = **p.fork();
  EXPECT_EQ(read(child, page(4)), FaultResult::kSegv);
  ASSERT_TRUE(child.madvise(page(4), pages(1), kGuardRemove));
  EXPECT_EQ(read(child, page(4)), FaultResult::kMinor);
  const VirtAddr to{0x40001000};
  ASSERT_TRUE(p.mremap(kArena, 64_KiB, 64_KiB, MREMAP_MAYMOVE | MREMAP_FIXED, to));
  ASSERT_TRUE(p.mprotect(to, 64_KiB, PROT_READ));
  EXPECT_EQ(read(p, to + PageCount(4)), FaultResult::kSegv);
  EXPECT_EQ(read(p, to), FaultResult::kMinor);
  expect_sound(*k);
}

// Populating stops at a marker; mlock says ENOMEM; locked memory takes no new
// markers but gives them up.
TEST(Guard, PopulateAndLock) {
  const auto k = boot("4K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  ASSERT_TRUE(p.madvise(page(4), pages(1), kGuardInstall));
  EXPECT_EQ(p.madvise(kArena, 64_KiB, 23).error(), Errno::kFault);
  EXPECT_EQ(picture(p, kArena, 6), "0000G.");
  EXPECT_EQ(p.mlock(kArena, 64_KiB).error(), Errno::kNoMem);
  EXPECT_EQ(p.madvise(page(8), pages(1), kGuardInstall).error(), Errno::kInval);
  EXPECT_TRUE(p.madvise(kArena, 64_KiB, kGuardRemove));
  EXPECT_EQ(read(p, page(4)), FaultResult::kMinor);
  expect_sound(*k);
}

// A hole in the range is ENOMEM with markers everywhere else; munmap and exit
// take markers along.
TEST(Guard, HolesAndUnmapping) {
  const auto k = boot("4K");
  const PageCount before = k->free_pages();
  Process& p = k->spawn();
  map(p, 1_MiB);
  EXPECT_EQ(p.madvise(page(254), pages(4), kGuardInstall).error(), Errno::kNoMem);
  EXPECT_EQ(p.madvise(kArena + ByteCount(1), pages(1), kGuardInstall).error(), Errno::kInval);
  EXPECT_EQ(picture(p, page(252), 5), "..GG.");
  ASSERT_TRUE(p.munmap(page(254), pages(1)));
  map(p, pages(1), page(254));
  EXPECT_EQ(picture(p, page(252), 5), "...G.");
  p.exit();
  EXPECT_EQ(k->free_pages(), before);
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
