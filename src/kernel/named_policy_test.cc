// Named policies through the library: what programs' memory looks like under
// them. The decisions alone are tested in policy/named/.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

// Version 4 of the proposal gives everybody the preferred size, and order 3
// where that does not fit. (systems 5, 7, 10)
TEST(NamedPolicy, LafV4FallsBackToOrderThree) {
  const auto k = boot("laf-v4 laf_arch_wants_pte_order=4");
  Process& p = k->spawn();
  map(p, pages(24));  // one block of 64 KiB and half of one
  p.touch(page(3), AccessKind::kWrite);
  p.touch(page(17), AccessKind::kWrite);
  EXPECT_EQ(picture(p, kArena, 24), std::string(16, '4') + std::string(8, '3'));
  expect_sound(*k);
}

// A mapping that said no gets single pages under version 4 and large folios
// under version 3: memory the program never touched is there. (systems 6a, 11)
TEST(NamedPolicy, LafV3PopulatesWhatNobodyTouched) {
  for (const auto& [policy, expected] : {std::pair{"laf-v4", "0......."}, {"laf-v3", "33333333"}}) {
    const auto k = boot(policy);
    Process& p = k->spawn();
    map(p, pages(8));
    ASSERT_TRUE(p.madvise(kArena, pages(8), MADV_NOHUGEPAGE).has_value());
    p.touch(kArena, AccessKind::kWrite);
    EXPECT_EQ(picture(p, kArena, 8), expected) << policy;
    expect_sound(*k);
  }
}

// OPPO's kernels know mappings by name; an excepted process gets nothing.
// (system 20)
TEST(NamedPolicy, OppoMarksMappingsByName) {
  const auto k = boot("oppo-64k");
  Process& p = k->spawn();
  map(p, pages(48));
  ASSERT_TRUE(p.name_mapping(page(16), pages(16), "libc_malloc").has_value());
  ASSERT_TRUE(p.name_mapping(page(32), pages(16), "stack_and_tls").has_value());
  for (const unsigned at : {0U, 16U, 32U}) p.touch(page(at), AccessKind::kWrite);
  EXPECT_EQ(picture(p, kArena, 48),
            "0" + std::string(15, '.') + std::string(16, '4') + "0" + std::string(15, '.'));
  Process& q = k->spawn();
  q.set_name("crash_dump64");
  map(q, pages(16));
  ASSERT_TRUE(q.name_mapping(kArena, pages(16), "libc_malloc").has_value());
  q.touch(kArena, AccessKind::kWrite);
  EXPECT_EQ(picture(q, kArena, 2), "0.");
  expect_sound(*k);
}

// A set of sizes belongs to the range it was given for, survives a fork, and
// can be taken back; other policies refuse it. (system 19)
TEST(NamedPolicy, SizeSetsBelongToMappings) {
  const auto k = boot("size-set thp_anon=16K,64K:madvise");
  Process& p = k->spawn();
  map(p, pages(64));
  const OrderSet k16 = OrderSet::of(Order(2));
  ASSERT_TRUE(p.madvise_sizes(page(16), pages(32), k16).has_value());
  p.touch(page(0), AccessKind::kWrite);
  p.touch(page(16), AccessKind::kWrite);
  Process& child = **p.fork();
  child.touch(page(20), AccessKind::kWrite);
  EXPECT_EQ(picture(child, page(16), 8), "22222222");
  ASSERT_TRUE(p.madvise_sizes(page(32), pages(16), std::nullopt).has_value());
  p.touch(page(32), AccessKind::kWrite);
  EXPECT_EQ(picture(p, page(0), 2) + picture(p, page(32), 2), "0.0.");
  EXPECT_EQ(p.madvise_sizes(kArena, pages(1), OrderSet::of(Order(1))).error(), Errno::kInval);
  EXPECT_EQ(p.madvise_sizes(kArena + pages(4096), pages(1), k16).error(), Errno::kNoMem);
  expect_sound(*k);
  const auto other = boot("linux-6.18");
  Process& q = other->spawn();
  map(q, pages(16));
  EXPECT_EQ(q.madvise_sizes(kArena, pages(16), k16).error(), Errno::kInval);
}

// In 2011 a change to a part of 2 MiB split all of it, for everybody who mapped
// it: the frames of the part are free at once, and nothing waits to be split.
TEST(NamedPolicy, Thp2011SplitsTheFolioWithTheEntry) {
  const auto k = boot("thp-2011 transparent_hugepage=always");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);
  Process& child = **p.fork();
  ASSERT_TRUE(p.munmap(page(7), pages(1)).has_value());
  EXPECT_EQ(picture(p, page(5), 4), "00.0");
  EXPECT_EQ(picture(child, page(5), 4), "0000");
  EXPECT_EQ(k->vmstat("thp_split_page"), 1U);
  ASSERT_TRUE(child.mprotect(page(100), pages(3), PROT_READ).has_value());
  const PageCount before = k->free_pages();
  ASSERT_TRUE(child.munmap(page(7), pages(1)).has_value());
  EXPECT_EQ(k->free_pages() - before, PageCount(1));
  EXPECT_EQ(stat(*k, "2048/nr_anon_partially_mapped"), 0U);
  EXPECT_EQ(k->vmstat("thp_deferred_split_page"), 0U);
  EXPECT_TRUE(filled(child, page(8), pages(504)) && filled(p, page(8), pages(504)));
  expect_sound(*k);
}

// OPPO's map counts look the same from outside; how often a whole map was
// broken up while others stood is counted. (system 33)
TEST(NamedPolicy, OppoCountsDoubleMaps) {
  const auto k = boot("oppo-64k");
  Process& p = k->spawn();
  map(p, pages(32));
  ASSERT_TRUE(p.madvise(kArena, pages(32), MADV_HUGEPAGE).has_value());
  fill(p, kArena, pages(32));
  Process& child = **p.fork();
  Process& third = **child.fork();
  EXPECT_EQ(p.layout({page(3), page(4)}).front().mapcount, 3U);
  ASSERT_TRUE(child.munmap(page(3), pages(2)).has_value());
  EXPECT_EQ(p.layout({page(3), page(4)}).front().mapcount, 2U);
  EXPECT_EQ(p.layout({page(5), page(6)}).front().mapcount, 3U);
  EXPECT_EQ(k->vmstat("cont_pte_double_map_count"), 1U);
  ASSERT_TRUE(third.munmap(page(16), pages(8)).has_value());
  EXPECT_EQ(k->vmstat("cont_pte_double_map_count"), 2U);
  expect_sound(*k);
  p.exit();
  third.exit();
  EXPECT_EQ(stat(*k, "64/nr_anon_partially_mapped"), 1U);
  EXPECT_TRUE(filled(child, page(5), pages(27)));
  expect_sound(*k);
}

// The settings tree has the files of the policy, and no others'.
TEST(NamedPolicy, FilesOfItsOwn) {
  const auto k = boot("pmd-cow");
  EXPECT_EQ(*k->sysfs_read("thp_cow"), "always [madvise] never\n");
  EXPECT_TRUE(k->sysfs_write("thp_cow", "always").has_value());
  EXPECT_EQ(k->sysfs_read("laf_enable").error(), Errno::kNoEnt);
  EXPECT_EQ(boot("linux-6.18")->sysfs_read("thp_cow").error(), Errno::kNoEnt);
}

}  // namespace
}  // namespace quire
