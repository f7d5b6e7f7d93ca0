// Splitting to any order through the split_huge_pages file, and by the
// shrinker of the deferred-split queue.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

// Writes the words for pages [first, first + n) of the program.
Result<void, Errno> split(Kernel& k, const Process& p, std::uint64_t first, std::uint64_t n,
                          const char* rest = "") {
  return k.debugfs_write("split_huge_pages", fmt::format("{},{:#x},{:#x}{}", p.pid(), page(first).raw(),
                                                         page(first + n).raw(), rest));
}

struct Split : ::testing::Test {
  void TearDown() override { expect_sound(*k); }
  // The first `length` bytes of the arena, filled.
  void filled_arena(ByteCount length) {
    map(p, 8_MiB);
    fill(p, kArena, length);
  }
  std::unique_ptr<Kernel> k = boot("64K+2M");
  Process& p = k->spawn();
};

// To order 0: the counters of the size, and the deferred list on the way,
// since PTE maps go page by page.
TEST_F(Split, ToSinglePages) {
  map(p, 1_MiB);
  fill(p, kArena, 128_KiB);
  ASSERT_TRUE(split(*k, p, 0, 16));
  EXPECT_EQ(picture(p, kArena, 33), "00000000000000004444444444444444.");
  EXPECT_EQ(stat(*k, "64/split"), 1U);
  EXPECT_EQ(stat(*k, "64/split_deferred"), 1U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 1U);
  EXPECT_TRUE(filled(p, kArena, 128_KiB));
}

// To a larger order the pieces are counted under their size, and pages of
// zeroes stay what they are.
TEST_F(Split, ToALargerOrder) {
  map(p, 1_MiB);
  fill(p, kArena, 4_KiB);
  ASSERT_TRUE(split(*k, p, 0, 16, ",2"));
  EXPECT_EQ(picture(p, kArena, 17), "2222222222222222.");
  EXPECT_EQ(stat(*k, "16/nr_anon"), 4U);
  EXPECT_EQ(stat(*k, "16/split"), 0U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 0U);
  const auto layout = p.layout({kArena, page(8)});
  EXPECT_EQ(layout[0].folio, layout[3].folio);
  EXPECT_NE(layout[3].folio, layout[4].folio);
  EXPECT_EQ(layout[0].mapcount, 1U);
  EXPECT_TRUE(layout[7].exclusive && layout[7].writable);
  ASSERT_TRUE(p.munmap(page(1), pages(1)));
  EXPECT_EQ(stat(*k, "16/split_deferred"), 1U) << "the pieces are folios like any other";
}

// A huge PMD becomes a table at once; 2 MiB have counters of their own.
TEST_F(Split, AHugePmd) {
  filled_arena(2_MiB);
  ASSERT_TRUE(split(*k, p, 0, 512, ",8"));
  EXPECT_EQ(picture(p, kArena, 513), std::string(512, '8') + ".");
  EXPECT_EQ(k->vmstat("thp_split_page"), 1U);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(k->vmstat("thp_deferred_split_page"), 0U);
  EXPECT_EQ(stat(*k, "1024/nr_anon"), 2U);
  EXPECT_TRUE(filled(p, kArena, 2_MiB));
}

// Round a page: the larger pieces lie away from it.
TEST_F(Split, RoundAPage) {
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  ASSERT_TRUE(split(*k, p, 0, 1, ",0,6"));
  EXPECT_EQ(picture(p, kArena, 17), "2222000033333333.");
  EXPECT_EQ(stat(*k, "16/nr_anon"), 1U);
  EXPECT_EQ(stat(*k, "32/nr_anon"), 1U);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
}

// Page by page: a piece that is still too large is split when its turn comes,
// so that a split round a page ends as a split of all.
TEST_F(Split, GoesOnPageByPage) {
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  ASSERT_TRUE(split(*k, p, 0, 16, ",0,15"));
  EXPECT_EQ(picture(p, kArena, 16), "0000000000000000");
  EXPECT_EQ(stat(*k, "64/split"), 1U);
  EXPECT_EQ(stat(*k, "32/split"), 1U);
  EXPECT_EQ(stat(*k, "16/split"), 1U);
}

// Orders that cannot be change nothing and count nothing.
TEST_F(Split, OrdersThatCannotBe) {
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  for (const char* order : {",1", ",4", ",9", ",77", ",-1"}) ASSERT_TRUE(split(*k, p, 0, 16, order)) << order;
  EXPECT_EQ(picture(p, kArena, 16), "4444444444444444");
  EXPECT_EQ(stat(*k, "64/split"), 0U);
  EXPECT_EQ(stat(*k, "64/split_failed"), 0U);
}

// A folio two programs map is split for both; each page keeps who shares it.
TEST_F(Split, ASharedFolio) {
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  Process& child = **p.fork();
  fill(child, page(3), pages(1));
  ASSERT_TRUE(split(*k, child, 4, 8, ",2"));
  EXPECT_EQ(picture(p, kArena, 16), "2222222222222222");
  EXPECT_EQ(picture(child, kArena, 16), "2220222222222222");
  EXPECT_EQ(p.layout({page(2), page(3)})[0].mapcount, 2U);
  EXPECT_EQ(p.layout({page(3), page(4)})[0].mapcount, 1U);
  EXPECT_TRUE(filled(child, kArena, 64_KiB));
  child.exit();
  fill(p, kArena, 64_KiB);
  EXPECT_TRUE(filled(p, kArena, 64_KiB));
}

// A partially mapped folio is taken off the queue, and what nobody maps is freed.
TEST_F(Split, APartiallyMappedFolio) {
  map(p, 1_MiB);
  fill(p, kArena, 64_KiB);
  const PageCount before = k->free_pages();
  ASSERT_TRUE(p.munmap(kArena, pages(6)));
  ASSERT_TRUE(split(*k, p, 6, 10, ",2"));
  EXPECT_EQ(picture(p, page(6), 10), "2222222222");
  EXPECT_EQ(stat(*k, "16/nr_anon"), 3U) << "the first four pages are gone";
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 0U);
  EXPECT_EQ(k->free_pages() - before, PageCount(4));
}

// "1" splits everything there is, mapped by whomever.
TEST_F(Split, All) {
  filled_arena(2_MiB + 64_KiB);
  Process& q = k->spawn();
  map(q, 1_MiB);
  fill(q, kArena, 64_KiB);
  ASSERT_TRUE(k->debugfs_write("/sys/kernel/debug/split_huge_pages", "1\n"));
  EXPECT_EQ(picture(p, kArena, 512), std::string(512, '0'));
  EXPECT_EQ(picture(q, kArena, 16), std::string(16, '0'));
  EXPECT_EQ(stat(*k, "2048/nr_anon"), 0U);
  EXPECT_EQ(stat(*k, "64/nr_anon"), 0U);
}

// The walk ends at a hole; zero pages and small ones are passed over.
TEST_F(Split, EndsAtAHole) {
  map(p, 64_KiB);
  map(p, 1_MiB, page(32));
  fill(p, page(32), 64_KiB);
  p.touch(kArena, AccessKind::kRead);
  ASSERT_TRUE(split(*k, p, 0, 64));
  EXPECT_EQ(picture(p, page(32), 2), "44");
  ASSERT_TRUE(split(*k, p, 32, 16));
  EXPECT_EQ(picture(p, page(32), 2), "00");
}

TEST_F(Split, Errors) {
  EXPECT_EQ(k->debugfs_write("split_huge_page", "1").error(), Errno::kNoEnt);
  EXPECT_EQ(k->debugfs_write("split_huge_pages", "99,0x0,0x1000").error(), Errno::kSrch);
  EXPECT_EQ(k->debugfs_write("split_huge_pages", "-5,0x0,0x1000").error(), Errno::kSrch);
  EXPECT_EQ(k->debugfs_write("split_huge_pages", "all").error(), Errno::kInval);
}

// --- The shrinker ---

// Partially mapped folios are split, as many as it is asked for, first come first.
TEST_F(Split, TheShrinkerSplitsPartiallyMappedFolios) {
  map(p, 1_MiB);
  fill(p, kArena, 256_KiB);
  for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(p.munmap(page(16 * i), pages(1)));
  EXPECT_EQ(k->shrink_deferred_splits(2), 2U);
  EXPECT_EQ(picture(p, page(1), 1) + picture(p, page(17), 1) + picture(p, page(33), 1), "004");
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 1U);
  EXPECT_EQ(k->shrink_deferred_splits(100), 1U);
  EXPECT_EQ(k->shrink_deferred_splits(100), 0U);
  EXPECT_EQ(k->vmstat("thp_underused_split_page"), 0U);
}

// 2 MiB with more zero-filled pages than max_ptes_none are split and their
// zeroes given back; with the default of 511 nothing ever is.
TEST_F(Split, TheShrinkerSplitsUnderusedFolios) {
  filled_arena(pages(100));
  EXPECT_EQ(picture(p, kArena, 1), "P");
  ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "411"));
  const PageCount before = k->free_pages();
  EXPECT_EQ(k->shrink_deferred_splits(10), 1U);
  EXPECT_EQ(k->vmstat("thp_underused_split_page"), 1U);
  EXPECT_EQ(picture(p, kArena, 512), std::string(100, '0') + std::string(412, 'z'));
  EXPECT_EQ(k->free_pages() - before, PageCount(412));
  EXPECT_EQ(p.resident(), PageCount(100) + PageCount(1));
  EXPECT_TRUE(filled(p, kArena, pages(100)));
}

// Looked at once and found used, a folio leaves the queue for good.
TEST_F(Split, TheShrinkerForgetsUsedFolios) {
  filled_arena(pages(100));
  EXPECT_EQ(k->shrink_deferred_splits(10), 0U) << "511: nothing is underused";
  ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "10"));
  EXPECT_EQ(k->shrink_deferred_splits(10), 0U) << "no longer in the queue";
  fill(p, page(512), pages(501));
  fill(p, page(1024), pages(502));
  EXPECT_EQ(k->shrink_deferred_splits(10), 1U);
  EXPECT_EQ(picture(p, page(512), 1) + picture(p, page(1024), 1), "0P");
}

// Locked memory is not split for its zeroes, and with shrink_underused off
// nothing is even queued for it.
TEST_F(Split, TheShrinkerLeavesLockedMemory) {
  map(p, 2_MiB);
  fill(p, kArena, pages(1));
  ASSERT_TRUE(p.mlock(kArena, 2_MiB));
  ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "0"));
  EXPECT_EQ(k->shrink_deferred_splits(10), 0U);
  ASSERT_TRUE(k->sysfs_write("shrink_underused", "0"));
  map(p, 2_MiB, page(512));
  fill(p, page(512), pages(1));
  EXPECT_EQ(k->shrink_deferred_splits(10), 0U);
  EXPECT_EQ(k->vmstat("thp_split_page"), 0U);
}

// Collapsed memory is a candidate too.
TEST(SplitOf, CollapsedMemory) {
  const auto k = boot("4K");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, pages(5));
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, 25));
  ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "64"));
  EXPECT_EQ(k->shrink_deferred_splits(1), 1U);
  EXPECT_EQ(picture(p, kArena, 7), "00000zz");
  expect_sound(*k);
}

// Without contents a page that was never used counts as zeroes.
TEST(SplitOf, MemoryWithoutContents) {
  const auto k = boot("2M", 256_MiB, Contents::kNone);
  Process& p = k->spawn();
  map(p, 2_MiB);
  for (unsigned i = 0; i < 5; ++i) p.touch(page(i), AccessKind::kWrite);
  ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "64"));
  EXPECT_EQ(k->shrink_deferred_splits(1), 1U);
  EXPECT_EQ(picture(p, kArena, 7), "00000zz");
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
