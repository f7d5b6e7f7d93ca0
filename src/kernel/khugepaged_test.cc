// khugepaged through the library: who is on its list, how far it walks, what
// it says of a block.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

constexpr int kGuardInstall = 102;

// The results of the blocks it looked at, in order.
std::string words(const std::vector<KhugepagedScan>& scans) {
  std::string text;
  for (const KhugepagedScan& s : scans) text += (text.empty() ? "" : " ") + std::string(s.result);
  return text;
}

// Memory filled while nothing could be large, then offered to khugepaged.
struct Khugepaged : ::testing::Test {
  void SetUp() override {
    map(p, 8_MiB);
    write("hugepages-2048kB/enabled", "madvise");
  }
  void TearDown() override { expect_sound(*k); }
  void write(const char* file, const char* text) { ASSERT_TRUE(k->sysfs_write(file, text)) << file; }
  void advise(Process& who) { ASSERT_TRUE(who.madvise(kArena, 8_MiB, MADV_HUGEPAGE)); }
  std::string pass() { return words(k->khugepaged()); }

  std::unique_ptr<Kernel> k = boot("4K");
  Process& p = k->spawn();
};

// One touched page is enough by default; the collapse is counted as its own.
TEST_F(Khugepaged, CollapsesWhatWasTouched) {
  fill(p, kArena, 4_KiB);
  advise(p);
  const auto scans = k->khugepaged();
  ASSERT_EQ(words(scans), "succeeded pmd_none pmd_none pmd_none");
  EXPECT_EQ(scans[0].pid, p.pid());
  EXPECT_EQ(scans[0].addr, kArena);
  EXPECT_EQ(picture(p, kArena, 2), "PP");
  EXPECT_TRUE(filled(p, kArena, 4_KiB));
  EXPECT_EQ(stat(*k, "khugepaged/pages_collapsed"), 1U);
  EXPECT_EQ(stat(*k, "khugepaged/full_scans"), 1U);
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 1U);
  EXPECT_EQ(k->vmstat("thp_fault_alloc"), 0U);
  EXPECT_EQ(pass(), "page_pmd_mapped pmd_none pmd_none pmd_none");
}

// An address space enters by advice on memory that has pages, or by a fault
// that may be huge; advice on untouched memory is too early.
TEST_F(Khugepaged, WhoIsOnTheList) {
  advise(p);
  EXPECT_EQ(pass(), "");
  EXPECT_EQ(stat(*k, "khugepaged/full_scans"), 0U);
  p.touch(page(1), AccessKind::kWrite);
  EXPECT_EQ(picture(p, kArena, 1), "P");
  EXPECT_EQ(pass(), "page_pmd_mapped pmd_none pmd_none pmd_none");
  Process& child = **p.fork();
  EXPECT_EQ(k->khugepaged().size(), 8U) << "a child of one on the list is on it";
  child.exit();
  EXPECT_EQ(k->khugepaged().size(), 4U);
}

// Smaller sizes do not start it, nor does a size that no mapping can use.
TEST_F(Khugepaged, RunsOnlyForThe2MiBSize) {
  fill(p, kArena, 4_KiB);
  advise(p);
  write("hugepages-2048kB/enabled", "never");
  write("hugepages-64kB/enabled", "always");
  EXPECT_EQ(pass(), "");
  write("hugepages-2048kB/enabled", "inherit");
  write("enabled", "never");
  EXPECT_EQ(pass(), "");
  write("enabled", "madvise");
  EXPECT_EQ(pass(), "succeeded pmd_none pmd_none pmd_none");
}

// Empty entries and zero pages count against max_ptes_none.
TEST_F(Khugepaged, MaxPtesNone) {
  fill(p, kArena, pages(256));
  p.touch(page(300), AccessKind::kRead);
  advise(p);
  write("khugepaged/max_ptes_none", "255");
  EXPECT_EQ(pass(), "exceed_none_pte pmd_none pmd_none pmd_none");
  EXPECT_EQ(k->vmstat("thp_scan_exceed_none_pte"), 1U);
  write("khugepaged/max_ptes_none", "256");
  EXPECT_EQ(pass(), "succeeded pmd_none pmd_none pmd_none");
}

// Pages that may be shared count against max_ptes_shared, all of a folio's
// once any of it may be.
TEST_F(Khugepaged, MaxPtesShared) {
  fill(p, kArena, pages(512));
  advise(p);
  write("khugepaged/max_ptes_shared", "10");
  Process& child = **p.fork();
  fill(p, page(11), pages(501));  // its own again; 11 stay shared
  EXPECT_EQ(words(k->khugepaged()),
            "exceed_shared_pte pmd_none pmd_none pmd_none "
            "exceed_shared_pte pmd_none pmd_none pmd_none");
  EXPECT_EQ(k->vmstat("thp_scan_exceed_share_pte"), 2U);
  fill(p, page(10), pages(1));
  EXPECT_TRUE(pass().starts_with("succeeded"));
  child.exit();
}

// A block nobody referenced since MADV_COLD is not worth it.
TEST_F(Khugepaged, NeedsAReferencedPage) {
  fill(p, kArena, 2_MiB);
  advise(p);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_COLD));
  EXPECT_EQ(pass(), "lack_referenced_page pmd_none pmd_none pmd_none");
  p.touch(page(77), AccessKind::kRead);
  EXPECT_EQ(pass(), "succeeded pmd_none pmd_none pmd_none");
}

// Guard markers count as entries neither empty nor present: too many are too
// many, with few it takes half the block referenced, and then the marker fails it.
TEST_F(Khugepaged, GuardMarkers) {
  fill(p, kArena, 2_MiB);
  advise(p);
  ASSERT_TRUE(p.madvise(kArena, pages(65), kGuardInstall));
  EXPECT_EQ(pass(), "exceed_swap_pte pmd_none pmd_none pmd_none");
  EXPECT_EQ(k->vmstat("thp_scan_exceed_swap_pte"), 1U);
  ASSERT_TRUE(p.madvise(kArena, pages(1), 103));
  EXPECT_EQ(pass(), "failed pmd_none pmd_none pmd_none");
  EXPECT_EQ(k->vmstat("thp_collapse_alloc"), 1U);
  ASSERT_TRUE(p.madvise(kArena, pages(300), MADV_DONTNEED));
  EXPECT_EQ(pass(), "lack_referenced_page pmd_none pmd_none pmd_none");
}

// A block costs 512 of pages_to_scan, an address space 1, a mapping passed
// over 1; the next pass goes on where this one ended.
TEST_F(Khugepaged, WalksWithinItsBudget) {
  fill(p, kArena, 8_MiB);
  advise(p);
  write("khugepaged/pages_to_scan", "513");
  EXPECT_EQ(pass(), "succeeded") << "an attempt ends the visit with 513 done";
  write("khugepaged/pages_to_scan", "514");
  EXPECT_EQ(pass(), "succeeded succeeded") << "1 is left after the first";
  EXPECT_EQ(stat(*k, "khugepaged/full_scans"), 0U);
  write("khugepaged/pages_to_scan", "4096");
  EXPECT_EQ(pass(), "succeeded page_pmd_mapped page_pmd_mapped page_pmd_mapped page_pmd_mapped")
      << "to the end of the list, and once round";
  EXPECT_EQ(stat(*k, "khugepaged/full_scans"), 2U);
  EXPECT_EQ(stat(*k, "khugepaged/pages_collapsed"), 4U);
}

// Without a free block the first failure is waited out, the second ends the pass.
TEST_F(Khugepaged, GivesUpAfterTwoFailedAllocations) {
  fill(p, kArena, 8_MiB);
  advise(p);
  k->set_allocation_failure([](void*, Order o) { return o == kOrderPmd; }, nullptr);
  EXPECT_EQ(pass(), "alloc_huge_page_failed alloc_huge_page_failed");
  EXPECT_EQ(k->vmstat("thp_collapse_alloc_failed"), 2U);
  k->set_allocation_failure(nullptr, nullptr);
  EXPECT_EQ(pass(), "succeeded succeeded succeeded succeeded page_pmd_mapped page_pmd_mapped")
      << "the rest, then once round";
}

// Mappings opted out, without pages or too small are passed over; an address
// space opted out by prctl is left at once.
TEST_F(Khugepaged, PassesOverWhatMayNotBeHuge) {
  fill(p, kArena, 8_MiB);
  advise(p);
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_NOHUGEPAGE));
  EXPECT_EQ(pass(), "succeeded succeeded succeeded");
  EXPECT_EQ(picture(p, kArena, 1), "0");
  ASSERT_TRUE(p.madvise(kArena, 2_MiB, MADV_HUGEPAGE));
  ASSERT_TRUE(p.set_thp_disable(1));
  EXPECT_EQ(pass(), "");
  EXPECT_EQ(stat(*k, "khugepaged/full_scans"), 2U);
}

// A program that exits while the cursor is in it is noticed at the next visit;
// programs behind it are not forgotten.
TEST_F(Khugepaged, TheProgramAtTheCursorExits) {
  fill(p, kArena, 8_MiB);
  advise(p);
  Process& q = k->spawn();
  map(q, 8_MiB);
  fill(q, kArena, 4_KiB);
  advise(q);
  write("khugepaged/pages_to_scan", "513");
  EXPECT_EQ(pass(), "succeeded");
  expect_sound(*k);
  p.exit();
  expect_sound(*k);
  write("khugepaged/pages_to_scan", "514");
  EXPECT_EQ(pass(), "succeeded") << "1 for the dead one, 1 for q, 512 for its block";
  EXPECT_EQ(picture(q, kArena, 1), "P");
}

// Eight blocks, and word for word what the live kernel's trace said of them.
TEST_F(Khugepaged, SaysWhatTheKernelSays) {
  map(p, 16_MiB);
  fill(p, kArena, 4_KiB);
  fill(p, page(512), pages(256));
  p.touch(page(812), AccessKind::kRead);
  for (unsigned block = 2; block < 8; ++block)
    if (block != 6) fill(p, page(512 * block), 2_MiB);
  ASSERT_TRUE(p.madvise(page(1024), 2_MiB, MADV_COLD));
  ASSERT_TRUE(p.madvise(page(1536), pages(65), kGuardInstall));
  ASSERT_TRUE(p.madvise(page(2048), pages(64), kGuardInstall));
  ASSERT_TRUE(p.madvise(page(2560), pages(64), kGuardInstall));
  ASSERT_TRUE(p.madvise(page(2624), pages(300), MADV_DONTNEED));
  ASSERT_TRUE(p.mprotect(page(3584), 2_MiB, PROT_READ));
  ASSERT_TRUE(p.madvise(kArena, 16_MiB, MADV_HUGEPAGE));
  write("khugepaged/max_ptes_none", "255");
  write("khugepaged/pages_to_scan", "4097");
  EXPECT_EQ(pass(),
            "exceed_none_pte exceed_none_pte lack_referenced_page exceed_swap_pte failed exceed_none_pte "
            "pmd_none succeeded");
  write("khugepaged/max_ptes_none", "511");
  write("khugepaged/pages_to_scan", "65536");
  EXPECT_EQ(pass(),
            "succeeded succeeded lack_referenced_page exceed_swap_pte failed lack_referenced_page pmd_none "
            "page_pmd_mapped");
}

// Turning the size off ends the daemon; on again it starts with the first.
TEST_F(Khugepaged, StartsOverWhenTurnedOnAgain) {
  fill(p, kArena, 8_MiB);
  advise(p);
  write("khugepaged/pages_to_scan", "513");
  EXPECT_EQ(pass(), "succeeded");
  write("hugepages-2048kB/enabled", "never");
  write("hugepages-2048kB/enabled", "madvise");
  EXPECT_EQ(pass(), "page_pmd_mapped");
}

// Every allocation made to fail once, for the daemon, the shrinker and splits:
// no byte is lost and nothing is half done.
TEST(KhugepagedPasses, EveryAllocationMayFail) {
  for (int n = 0; n < 30; ++n) {
    const auto k = boot("64K");
    Process& p = k->spawn();
    map(p, 8_MiB);
    fill(p, kArena, 4_MiB);
    ASSERT_TRUE(p.madvise(kArena, 8_MiB, MADV_HUGEPAGE));
    ASSERT_TRUE(k->sysfs_write("hugepages-2048kB/enabled", "always"));
    ASSERT_TRUE(k->sysfs_write("khugepaged/max_ptes_none", "100"));
    int left = n;
    k->set_allocation_failure([](void* c, Order) { return (*static_cast<int*>(c))-- == 0; }, &left);
    p.touch(page(1024), AccessKind::kWrite);
    k->khugepaged(2);
    static_cast<void>(p.madvise(page(600), pages(1), kGuardInstall));
    k->shrink_deferred_splits(10);
    static_cast<void>(k->debugfs_write(
        "split_huge_pages", fmt::format("{},{:#x},{:#x},3", p.pid(), kArena.raw(), page(300).raw())));
    if (auto child = p.fork()) (*child)->touch(page(1025), AccessKind::kWrite);
    k->khugepaged();
    k->set_allocation_failure(nullptr, nullptr);
    EXPECT_TRUE(filled(p, kArena, pages(600)));
    expect_sound(*k);
    if (HasFailure()) FAIL() << "first failure at allocation " << n;
  }
}

// The same history gives the same machine.
TEST(KhugepagedPasses, AreDeterministic) {
  std::vector<std::uint64_t> hashes;
  for (int run = 0; run < 2; ++run) {
    const auto k = boot("64K+2M");
    Process& p = k->spawn();
    map(p, 8_MiB);
    for (unsigned i = 0; i < 60; ++i)
      p.touch(page(i * 31), i % 4 == 0 ? AccessKind::kRead : AccessKind::kWrite);
    static_cast<void>(p.madvise(page(5), pages(1400), MADV_DONTNEED));
    Process& child = **p.fork();
    fill(child, page(100), pages(40));
    k->khugepaged(3);
    hashes.push_back(k->state_hash());
    expect_sound(*k);
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

}  // namespace
}  // namespace quire
