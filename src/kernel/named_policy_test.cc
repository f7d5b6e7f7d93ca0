// Named policies through the library: what programs' memory looks like under
// them. The decisions alone are tested in policy/named/.
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using testing::boot;
using testing::expect_sound;
using testing::kArena;
using testing::map;
using testing::page;
using testing::pages;
using testing::picture;
using testing::stat;

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
