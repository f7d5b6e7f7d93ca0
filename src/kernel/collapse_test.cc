// MADV_COLLAPSE through the library. Errors and counters are those the live
// kernel gave for the same calls.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

constexpr int kCollapse = 25, kGuardInstall = 102;

Errno collapse(Process& p, VirtAddr at, ByteCount length) {
  const auto result = p.madvise(at, length, kCollapse);
  return result ? Errno{} : result.error();
}
constexpr Errno kSuccess{};

// A machine where no fault makes anything large, and a program on it.
struct Collapse : ::testing::Test {
  void TearDown() override { expect_sound(*k); }
  std::unique_ptr<Kernel> k = boot("4K");
  Process& p = k->spawn();
};

// Small pages, and what was never touched between them, become one folio of
// 2 MiB under a PMD; no fault is counted; asking again changes nothing. (T14)
TEST_F(Collapse, MakesOneFolio) {
  map(p, 4_MiB);
  fill(p, kArena, 64_KiB);
  fill(p, page(100), 4_KiB);
  p.touch(page(50), AccessKind::kRead);
  ASSERT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  EXPECT_EQ(picture(p, kArena, 512), std::string(512, 'P'));
  EXPECT_TRUE(filled(p, kArena, 64_KiB) && filled(p, page(100), 4_KiB));
  std::byte b{1};
  ASSERT_TRUE(p.load(page(50), {&b, 1}));
  EXPECT_EQ(b, std::byte{0});
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 1U);
  EXPECT_EQ(k->vmstat("thp_fault_alloc"), 0U);
  EXPECT_EQ(stat(*k, "2048/anon_fault_alloc"), 0U);
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 1U);
  ASSERT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 1U);
  const auto layout = p.layout({kArena, page(1)});
  EXPECT_TRUE(layout[0].writable && layout[0].exclusive);
}

// The huge PMD holds the table it replaced: splitting it later needs no frame.
TEST_F(Collapse, KeepsTheTableForALaterSplit) {
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  const PageCount tables = p.table_pages();
  ASSERT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  EXPECT_EQ(p.table_pages(), tables);
  k->set_allocation_failure([](void*, Order) { return true; }, nullptr);
  ASSERT_TRUE(p.mprotect(kArena, 4_KiB, PROT_READ));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
}

// Only mappings that were touched, are not opted out, and hold an aligned
// block. (T13, T14)
TEST_F(Collapse, RefusesMappingsThatCannotBeHuge) {
  map(p, 4_MiB);
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval) << "never touched";
  p.touch(kArena, AccessKind::kRead);
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval) << "only read: no anon_vma yet";
  fill(p, kArena, 4_KiB);
  ASSERT_TRUE(p.madvise(kArena, 4_MiB, MADV_NOHUGEPAGE));
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval);
  ASSERT_TRUE(p.madvise(kArena, 4_MiB, MADV_HUGEPAGE));
  ASSERT_TRUE(p.set_thp_disable(1));
  EXPECT_EQ(collapse(p, kArena, 2_MiB), Errno::kInval);
  ASSERT_TRUE(p.set_thp_disable(1, 2));
  EXPECT_EQ(collapse(p, kArena, 2_MiB), kSuccess) << "asking is advice enough";
  map(p, 1_MiB, page(2048));
  fill(p, page(2048), 1_MiB);
  EXPECT_EQ(collapse(p, page(2048), 1_MiB), Errno::kInval);
  EXPECT_EQ(collapse(p, kArena + ByteCount(1), 2_MiB), Errno::kInval);
  EXPECT_EQ(collapse(p, kArena, ByteCount(0)), kSuccess);
}

// Blocks are the aligned ones inside the range. A range with none is a
// success when it touches a boundary and EINVAL when it does not.
TEST_F(Collapse, CountsOnlyWholeBlocks) {
  map(p, 4_MiB);
  fill(p, kArena, 4_KiB);
  EXPECT_EQ(collapse(p, kArena, 1_MiB), kSuccess);
  EXPECT_EQ(collapse(p, page(1), 1_MiB), Errno::kInval);
  EXPECT_EQ(collapse(p, page(1), pages(513)), kSuccess);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 0U);
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval) << "the second block is empty";
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 1U) << "the first was done";
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval);
}

// An empty block ends the walk: what comes behind it is not looked at.
TEST_F(Collapse, AnEmptyBlockEndsTheWalk) {
  map(p, 4_MiB);
  fill(p, page(512), 4_KiB);
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 0U);
}

// Each mapping of a range on its own; the first error ends it, a hole is
// told at the end.
TEST_F(Collapse, OverSeveralMappings) {
  map(p, 2_MiB);
  fill(p, kArena, 4_KiB);
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kNoMem);
  ASSERT_TRUE(p.mmap({.addr = page(512),
                      .length = 2_MiB,
                      .prot = PROT_READ,
                      .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED}));
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval);
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 1U);
}

// Memory that may only be read, or not even that, collapses just as well and
// keeps its protection; locked memory too.
TEST_F(Collapse, KeepsProtectionAndLocks) {
  map(p, 6_MiB);
  fill(p, kArena, 6_MiB);
  ASSERT_TRUE(p.mprotect(kArena, 2_MiB, PROT_READ));
  ASSERT_TRUE(p.mprotect(page(512), 2_MiB, PROT_NONE));
  ASSERT_TRUE(p.mlock(page(1024), 2_MiB));
  ASSERT_EQ(collapse(p, kArena, 6_MiB), kSuccess);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 3U);
  EXPECT_EQ(p.touch(kArena, AccessKind::kWrite), FaultResult::kSegv);
  EXPECT_EQ(p.touch(page(512), AccessKind::kRead), FaultResult::kSegv);
  ASSERT_TRUE(p.mprotect(page(512), 2_MiB, PROT_READ));
  EXPECT_TRUE(filled(p, kArena, 6_MiB));
}

// A guard marker is found only when the folio is there: allocated for nothing.
TEST_F(Collapse, FailsOnAGuardAfterAllocating) {
  map(p, 4_MiB);
  fill(p, kArena, 4_MiB);
  ASSERT_TRUE(p.madvise(page(1), pages(1), kGuardInstall));
  EXPECT_EQ(collapse(p, kArena, 4_MiB), Errno::kInval);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 1U);
  EXPECT_EQ(picture(p, kArena, 3), "0G0");
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 0U);
}

// No block of 2 MiB: ENOMEM, and nothing has changed.
TEST_F(Collapse, WithoutAFreeBlock) {
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  k->set_allocation_failure([](void*, Order o) { return o == kOrderPmd; }, nullptr);
  EXPECT_EQ(collapse(p, kArena, 2_MiB), Errno::kNoMem);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc_failed"), 1U);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 0U);
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
  EXPECT_EQ(picture(p, kArena, 2), "00");
}

// Shared pages are copied, the other program keeps its own.
TEST_F(Collapse, TakesACopyOfSharedPages) {
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  Process& child = **p.fork();
  ASSERT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  EXPECT_EQ(picture(p, kArena, 1), "P");
  EXPECT_EQ(picture(child, kArena, 1), "0");
  const std::byte b{251};
  ASSERT_TRUE(p.store(kArena, {&b, 1}));
  EXPECT_TRUE(filled(child, kArena, 2_MiB));
  EXPECT_EQ(child.touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
}

// The huge zero folio is already huge.
TEST(CollapseOf, TheHugeZeroFolio) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 4_MiB);
  p.touch(kArena, AccessKind::kRead);
  fill(p, page(512), 4_KiB);
  EXPECT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 0U);
  expect_sound(*k);
}

// Large folios are unmapped and freed, not split: whole ones without a word, also
// a partially mapped one. (T11)
TEST(CollapseOf, LargeFolios) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  ASSERT_TRUE(p.madvise(page(16), pages(1), MADV_DONTNEED));
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  ASSERT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 0U);
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 0U);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  EXPECT_EQ(stat(*k, "64/split"), 0U);
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 1U);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 0U);
  expect_sound(*k);
}

// A folio that reaches into the block from outside loses a part only.
TEST(CollapseOf, AFolioHalfInside) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  const VirtAddr to{0x40100000};  // one MiB behind a boundary
  map(p, 6_MiB, VirtAddr{0x40000000});
  ASSERT_TRUE(p.mremap(kArena, 2_MiB, 2_MiB, MREMAP_MAYMOVE | MREMAP_FIXED, to));
  ASSERT_EQ(collapse(p, VirtAddr{0x40200000}, 2_MiB), Errno::kInval)
      << "the moved mapping ends before the block does";
  ASSERT_TRUE(p.mremap(to, 2_MiB, 4_MiB, MREMAP_MAYMOVE | MREMAP_FIXED, VirtAddr{0x50100000}));
  ASSERT_EQ(collapse(p, VirtAddr{0x50200000}, 2_MiB), kSuccess);
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 2U);
  EXPECT_EQ(stat(*k, "2048/split_deferred"), 1U);
  EXPECT_EQ(picture(p, VirtAddr{0x50200000} - PageCount(1), 2), "9P");
  expect_sound(*k);
}

// What MADV_FREE marked is copied like the rest and is ordinary afterwards.
TEST(CollapseOf, FreedPages) {
  const auto k = boot("4K");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_FREE));
  ASSERT_EQ(collapse(p, kArena, 2_MiB), kSuccess);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_PAGEOUT));
  EXPECT_EQ(k->vmstat("pglazyfreed"), 0U);
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
  expect_sound(*k);
}

// Every allocation made to fail once: the call says so, and all bytes are there.
TEST(CollapseOf, EveryAllocationMayFail) {
  for (int n = 0; n < 40; ++n) {
    const auto k = boot("64K+2M");
    Process& p = k->spawn();
    map(p, 8_MiB);
    fill(p, kArena, 2_MiB);
    ASSERT_TRUE(p.madvise(kArena, 4_KiB, MADV_DONTNEED));
    fill(p, kArena, 4_KiB);
    int left = n;
    k->set_allocation_failure([](void* c, Order) { return (*static_cast<int*>(c))-- == 0; }, &left);
    static_cast<void>(p.madvise(page(512), 64_KiB, kGuardInstall));
    p.touch(page(1024), AccessKind::kWrite);
    static_cast<void>(p.madvise(page(1024), 1_MiB, MADV_COLD));
    static_cast<void>(p.madvise(kArena, 8_MiB, kCollapse));
    static_cast<void>(p.madvise(kArena, 8_MiB, MADV_PAGEOUT));
    if (auto child = p.fork()) static_cast<void>((*child)->madvise(kArena, 8_MiB, kCollapse));
    k->set_allocation_failure(nullptr, nullptr);
    EXPECT_TRUE(filled(p, kArena, 2_MiB));
    expect_sound(*k);
    if (HasFailure()) FAIL() << "first failure at allocation " << n;
  }
}

}  // namespace
}  // namespace quire
