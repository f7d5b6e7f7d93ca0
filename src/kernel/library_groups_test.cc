// Groups with limits as the library shows them.
#include <gtest/gtest.h>

#include "quire/kernel.h"

namespace quire {
namespace {

std::unique_ptr<Kernel> boot(Reclaim reclaim = Reclaim::kWhenShort) {
  auto k = Kernel::create({.ram = 64_MiB, .reclaim = reclaim}, "64K");
  EXPECT_TRUE(k.has_value());
  return std::move(*k);
}

// Writes to each page; how many it could.
std::uint64_t fill(Process& p, ByteCount length) {
  const VirtAddr at = *p.mmap({.length = length});
  std::uint64_t served = 0;
  for (VirtAddr page = at; page < at + length; page += PageCount(1))
    if (is_served(p.touch(page, AccessKind::kWrite))) ++served;
  return served;
}

void expect_sound(const Kernel& k) {
  for (const std::string& line : k.check_invariants()) ADD_FAILURE() << line;
}

// A group keeps its limit by what goes to swap, across fork and exec.
TEST(LibraryGroups, ALimitIsKept) {
  const auto k = boot();
  ASSERT_TRUE(k->swapon(SwapDevice{.size = 64_MiB}));
  const unsigned group = *k->make_group(2_MiB);
  Process& p = k->spawn();
  ASSERT_TRUE(p.enter_group(group));
  EXPECT_EQ(fill(p, 4_MiB), 1024U);
  Process& child = **p.fork();
  ASSERT_TRUE(child.exec());
  EXPECT_EQ(fill(child, 4_MiB), 1024U);
  const GroupUse use = *k->group_use(group);
  EXPECT_LE(use.peak, PageCount::covering(2_MiB));
  EXPECT_EQ(use.max, PageCount::covering(2_MiB));
  EXPECT_GT(use.max_events, 0U);
  EXPECT_EQ(use.oom_kills, 0U);
  EXPECT_GT(k->swap_used(), PageCount(1024));
  EXPECT_TRUE(k->oom_kills().empty());
  expect_sound(*k);
}

// With nothing to take back whoever holds most is ended, with a record.
TEST(LibraryGroups, TheEndOfMemoryHasARecord) {
  const auto k = boot();
  const unsigned group = *k->make_group(4_MiB);
  Process& large = k->spawn();
  Process& small = k->spawn();
  ASSERT_TRUE(large.enter_group(group) && small.enter_group(group));
  EXPECT_EQ(fill(large, 3_MiB), 768U);
  EXPECT_EQ(fill(small, 2_MiB), 512U);
  EXPECT_TRUE(large.oom_killed());
  EXPECT_FALSE(small.oom_killed());
  const std::vector<OomKill> kills = k->oom_kills();
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].victim, large.pid());
  EXPECT_EQ(kills[0].asked_by, small.pid());
  EXPECT_EQ(kills[0].group, group);
  EXPECT_GE(kills[0].anon, PageCount(768));
  EXPECT_EQ(kills[0].points, (kills[0].anon + kills[0].file + kills[0].swap + kills[0].tables).raw());
  EXPECT_EQ(kills[0].oom_score_adj, 0);
  EXPECT_EQ(k->group_use(group)->oom_kills, 1U);
  large.exit();
  EXPECT_EQ(k->oom_kills()[0].victim, kills[0].victim) << "also of one that is gone";
  expect_sound(*k);
}

// A lower limit takes back, or stays as it was.
TEST(LibraryGroups, LimitsChange) {
  const auto k = boot();
  const unsigned group = *k->make_group();
  EXPECT_FALSE(k->group_use(group)->max);
  Process& p = k->spawn();
  ASSERT_TRUE(p.enter_group(group));
  EXPECT_EQ(fill(p, 4_MiB), 1024U);
  EXPECT_EQ(k->set_limit(group, 1_MiB).error(), Errno::kBusy);
  EXPECT_FALSE(k->group_use(group)->max);
  ASSERT_TRUE(k->swapon(SwapDevice{.size = 64_MiB}));
  EXPECT_TRUE(k->set_limit(group, 1_MiB));
  EXPECT_LE(k->group_use(group)->current, PageCount::covering(1_MiB));
}

// What cannot be says so.
TEST(LibraryGroups, Refusals) {
  const auto never = boot(Reclaim::kNever);
  EXPECT_EQ(never->make_group(1_MiB).error(), Errno::kOpNotSupp);
  const auto k = boot();
  Process& p = k->spawn();
  for (const unsigned group : {0U, 1U}) {
    EXPECT_EQ(p.enter_group(group).error(), Errno::kNoEnt);
    EXPECT_EQ(k->set_limit(group, 1_MiB).error(), Errno::kNoEnt);
    EXPECT_FALSE(k->group_use(group));
  }
}

}  // namespace
}  // namespace quire
