// khugepaged under policies that collapse to every size, and that tell it
// where to look first.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

// Pages that came one by one, while every size was off.
void small_pages(Kernel& k, Process& p, std::initializer_list<std::pair<unsigned, unsigned>> runs) {
  for (const char* size : {"16", "64", "2048"})
    ASSERT_TRUE(k.sysfs_write(fmt::format("hugepages-{}kB/enabled", size), "never").has_value());
  for (const auto& [first, n] : runs) fill(p, page(first), pages(n));
}

// What cannot be 2 MiB becomes the largest aligned pieces that hold enough:
// with max_ptes_none 0 only full ones. (system 80)
TEST(CollapseToEverySize, LargestFullPieces) {
  const auto k = boot("collapse-mthp thp_anon=16K,64K,2M:always khugepaged/max_ptes_none=0");
  Process& p = k->spawn();
  map(p, 2_MiB);
  small_pages(*k, p, {{0, 16}, {20, 4}, {33, 7}});
  for (const char* size : {"16", "64", "2048"})
    ASSERT_TRUE(k->sysfs_write(fmt::format("hugepages-{}kB/enabled", size), "always").has_value());
  p.touch(page(33), AccessKind::kWrite);
  fill(p, page(40), pages(1));  // a fault of the settings as they are now: brings the process to khugepaged
  const auto scans = k->khugepaged(1);
  ASSERT_FALSE(scans.empty());
  EXPECT_EQ(scans.front().result, "succeeded");
  EXPECT_EQ(picture(p, kArena, 40), times(16, '4') + "...." + "2222" + times(9, '.') + "000" + "2222");
  EXPECT_TRUE(filled(p, kArena, pages(16)) && filled(p, page(33), pages(7)));
  EXPECT_EQ(stat(*k, "64/collapse_alloc"), 1U);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 0U);
  expect_sound(*k);
}

// The limit is scaled: 511 of 512 is 15 of 16, so one page is enough for a
// piece of every size, and the first size that holds one is taken.
TEST(CollapseToEverySize, ScalesTheLimit) {
  const auto k = boot("collapse-mthp thp_anon=64K:always khugepaged/max_ptes_none=511");
  Process& p = k->spawn();
  map(p, 2_MiB);
  p.touch(page(18), AccessKind::kRead);  // keeps the block of the next page from being large
  fill(p, page(20), pages(1));
  EXPECT_EQ(picture(p, page(16), 16), "..z.0...........");
  k->khugepaged(1);
  EXPECT_EQ(picture(p, kArena, 48), times(16, '.') + times(16, '4') + times(16, '.'));
  EXPECT_TRUE(filled(p, page(20), pages(1)));
  // With 255 of 512, 7 of 16 may be empty: one page is too little.
  const auto strict = boot("collapse-mthp thp_anon=64K:always khugepaged/max_ptes_none=255");
  Process& q = strict->spawn();
  map(q, 2_MiB);
  q.touch(page(18), AccessKind::kRead);
  fill(q, page(20), pages(1));
  strict->khugepaged(1);
  EXPECT_EQ(picture(q, page(16), 16), "..z.0...........");
  EXPECT_GT(stat(*strict, "64/collapse_exceed_none_pte"), 0U);
  expect_sound(*k);
  expect_sound(*strict);
}

// Pieces never take shared pages, and 2 MiB is made where it can be.
TEST(CollapseToEverySize, SharedStaysAndTwoMegabytesComeFirst) {
  const auto k = boot("collapse-mthp thp_anon=64K,2M:madvise");
  Process& p = k->spawn();
  map(p, 4_MiB);
  fill(p, kArena, 4_MiB);
  ASSERT_TRUE(p.madvise(kArena, 4_MiB, MADV_HUGEPAGE).has_value());
  k->khugepaged(4);
  EXPECT_EQ(picture(p, kArena, 1024), times(1024, 'P'));
  expect_sound(*k);
  const auto shared = boot("collapse-mthp thp_anon=64K:madvise khugepaged/max_ptes_none=511");
  Process& q = shared->spawn();
  map(q, 2_MiB);
  fill(q, kArena, pages(32));
  Process& child = **q.fork();
  ASSERT_TRUE(q.madvise(kArena, 2_MiB, MADV_HUGEPAGE).has_value());
  fill(q, kArena, pages(16));  // its own again
  shared->khugepaged(2);
  EXPECT_EQ(picture(q, kArena, 32), times(16, '4') + times(16, '0'));
  EXPECT_GT(stat(*shared, "64/collapse_exceed_shared_pte"), 0U);
  EXPECT_TRUE(filled(child, kArena, pages(32)) && filled(q, kArena, pages(32)));
  expect_sound(*shared);
}

// A 2 MiB mapping that a copy has split is looked at before all else, however
// far away the daemon is; it waits until the block can be collapsed.
// (system 81)
TEST(DirectedKhugepaged, LooksWhereACopySplit) {
  for (const bool directed : {false, true}) {
    const auto k =
        boot(directed ? "khugepaged-directed transparent_hugepage=always khugepaged/pages_to_scan=512"
                      : "linux-6.18 transparent_hugepage=always khugepaged/pages_to_scan=512");
    Process& p = k->spawn();
    map(p, 32_MiB);
    for (unsigned block = 0; block < 16; ++block) fill(p, page(block * 512), pages(1));
    Process& child = **p.fork();
    child.touch(page(15 * 512 + 3), AccessKind::kWrite);
    EXPECT_EQ(picture(child, page(15 * 512), 5), "99909");
    p.exit();
    const auto scans = k->khugepaged(1);
    ASSERT_FALSE(scans.empty());
    EXPECT_EQ(scans.front().addr == page(15 * 512), directed);
    EXPECT_EQ(picture(child, page(15 * 512), 5), directed ? "PPPPP" : "99909");
    EXPECT_EQ(k->vmstat("quire_directed_scans"), directed ? 1U : 0U);
    expect_sound(*k);
  }
}

// A block that cannot be collapsed yet is tried again at later passes; one of
// a program that is gone is forgotten.
TEST(DirectedKhugepaged, TriesAgainAndForgets) {
  const auto k = boot("khugepaged-directed transparent_hugepage=always khugepaged/max_ptes_shared=0");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  Process& child = **p.fork();
  child.touch(kArena, AccessKind::kWrite);
  EXPECT_EQ(k->khugepaged(1).front().result, "exceed_shared_pte");
  EXPECT_EQ(k->khugepaged(1).front().result, "exceed_shared_pte");
  p.exit();
  EXPECT_EQ(k->khugepaged(1).front().result, "succeeded");
  EXPECT_EQ(picture(child, kArena, 4), "PPPP");
  Process& grandchild = **child.fork();
  grandchild.touch(kArena, AccessKind::kWrite);
  grandchild.exit();
  const auto before = k->vmstat("quire_directed_scans");
  k->khugepaged(1);
  EXPECT_EQ(k->vmstat("quire_directed_scans"), before);
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
