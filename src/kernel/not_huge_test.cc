// Why memory is in small folios: each reason where it is the reason, and one
// reason for every page whatever programs do.
#include <sys/prctl.h>

#include "base/rng.h"
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

std::unique_ptr<Kernel> remembering(std::string_view policy, ByteCount ram = 256_MiB) {
  auto k = Kernel::create({.ram = ram, .reasons = Reasons::kRemembered}, policy);
  EXPECT_TRUE(k.has_value()) << k.error().line();
  return std::move(*k);
}

std::string why(const Process& p, VirtAddr at) { return std::string(p.why_not_huge(at).value_or("(none)")); }

// What a write to the page brings, and why it is no larger.
std::string write(Process& p, VirtAddr at) {
  EXPECT_NE(p.touch(at, AccessKind::kWrite), FaultResult::kOom);
  return why(p, at);
}

// What lies where the block cannot be: another mapping, nothing, or first nothing
// and then a mapping; and mappings without any block.
TEST(NotHuge, TheMappingCutsTheBlock) {
  const auto k = remembering("2M");
  Process& p = k->spawn();
  map(p, 6_MiB + 64_KiB);
  EXPECT_EQ(write(p, kArena), "nothing");
  EXPECT_EQ(write(p, kArena + 6_MiB), "unaligned_end");
  ASSERT_TRUE(
      p.mmap({.addr = kArena + 7_MiB, .length = 64_KiB, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED}));
  EXPECT_EQ(write(p, kArena + 6_MiB + 4_KiB), "hole");
  EXPECT_EQ(write(p, kArena + 7_MiB), "too_short");
  ASSERT_TRUE(p.mprotect(kArena + 3_MiB, 4_KiB, PROT_READ));
  EXPECT_EQ(write(p, kArena + 2_MiB), "other_mapping");
  expect_sound(*k);
}

// Something was there first: a page, a zero page, or for 2 MiB only the table
// that memory left behind.
TEST(NotHuge, TheBlockIsNotEmpty) {
  const auto k = remembering("64K+2M");
  Process& p = k->spawn();
  map(p, 4_MiB);
  ASSERT_TRUE(k->sysfs_write("hugepages-2048kB/enabled", "never"));
  EXPECT_EQ(write(p, kArena), "nothing");
  ASSERT_TRUE(p.madvise(kArena + 4_KiB, 60_KiB, MADV_DONTNEED));
  EXPECT_EQ(write(p, kArena + 8_KiB), "populated");
  p.touch(kArena + 128_KiB, AccessKind::kRead);
  EXPECT_EQ(write(p, kArena + 132_KiB), "zero_page");
  EXPECT_EQ(write(p, kArena + 128_KiB), "populated");
  ASSERT_TRUE(k->sysfs_write("hugepages-2048kB/enabled", "always"));
  EXPECT_EQ(write(p, kArena + 512_KiB), "populated");
  ASSERT_TRUE(p.madvise(kArena, 1_MiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(kArena + 1_MiB, 1_MiB, MADV_DONTNEED));
  EXPECT_EQ(write(p, kArena), "table_in_place");
  expect_sound(*k);
}

// A write to a zero page that was read first is no larger because of it.
TEST(NotHuge, AZeroPageIsCopiedSmall) {
  const auto k = remembering("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  p.touch(kArena, AccessKind::kRead);
  EXPECT_EQ(write(p, kArena), "zero_page");
}

// Settings and advice say no, each in its own words.
TEST(NotHuge, SettingsAndAdviceSayNo) {
  const auto k = remembering("thp_anon=64K:madvise");
  Process& p = k->spawn();
  map(p, 1_MiB);
  EXPECT_EQ(write(p, kArena), "not_advised");
  ASSERT_TRUE(p.madvise(kArena + 512_KiB, 512_KiB, MADV_NOHUGEPAGE));
  EXPECT_EQ(write(p, kArena + 512_KiB), "nohugepage");
  ASSERT_TRUE(p.set_thp_disable(1));
  ASSERT_TRUE(k->sysfs_write("hugepages-64kB/enabled", "always"));
  EXPECT_EQ(write(p, kArena + 64_KiB), "prctl");
  const auto off = remembering("4K");
  Process& q = off->spawn();
  map(q, 1_MiB);
  EXPECT_EQ(write(q, kArena), "size_off");
}

// Userfaultfd, shared memory, files; and no reason for memory that is not anonymous.
TEST(NotHuge, KindsOfMappings) {
  const auto k = remembering("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  ASSERT_TRUE(p.uffd_register(kArena, 64_KiB));
  ASSERT_TRUE(p.uffd_copy(kArena, 4_KiB, std::byte{1}));
  EXPECT_EQ(why(p, kArena), "outside_fault");
  EXPECT_EQ(why(p, kArena + 4_KiB), "(none)");
  const VirtAddr file = *p.mmap({.length = 64_KiB, .flags = MAP_PRIVATE, .file = 7});
  p.touch(file, AccessKind::kRead);
  EXPECT_EQ(why(p, file), "(none)");
  EXPECT_EQ(write(p, file), "file");
}

// A page copied because fork had shared it is not blamed on the block.
TEST(NotHuge, CopiesAfterFork) {
  const auto k = remembering("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  EXPECT_EQ(write(p, kArena), "nothing");
  Process& child = **p.fork();
  EXPECT_EQ(write(child, kArena + 4_KiB), "copied");
  EXPECT_EQ(why(p, kArena + 4_KiB), "nothing");
}

// No free block: the allocation is to blame, and nothing else.
TEST(NotHuge, AllocationFailed) {
  const auto k = remembering("2M");
  Process& p = k->spawn();
  map(p, 4_MiB);
  k->set_allocation_failure([](void*, Order order) { return order == kOrderPmd; }, nullptr);
  EXPECT_EQ(write(p, kArena), "allocation_failed");
  expect_sound(*k);
}

// Under anon_beside_full the first block of a table has nobody beside it; one behind a full block has.
TEST(NotHuge, NotBesideFull) {
  const auto k = remembering("64K anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 256_KiB);
  EXPECT_EQ(write(p, kArena), "not_beside_full");
  EXPECT_EQ(write(p, kArena + 64_KiB), "not_beside_full");
  fill(p, kArena + 64_KiB, 64_KiB);
  EXPECT_EQ(why(p, kArena + 68_KiB), "populated");
  EXPECT_EQ(write(p, kArena + 128_KiB), "nothing");
  expect_sound(*k);
}

// What was large and is no longer says so.
TEST(NotHuge, SplitFolios) {
  const auto k = remembering("2M");
  Process& p = k->spawn();
  map(p, 2_MiB);
  fill(p, kArena, 2_MiB);  // pages of zeroes would become zero pages
  EXPECT_EQ(why(p, kArena), "nothing");
  ASSERT_TRUE(k->debugfs_write("split_huge_pages",
                               fmt::format("{},{:#x},{:#x}", p.pid(), kArena.raw(), (kArena + 2_MiB).raw())));
  EXPECT_EQ(why(p, kArena), "split");
}

// Whatever a program does: a page has a reason exactly when its folio is smaller
// than the largest size there is. (I-WHY-1)
TEST(NotHuge, EveryPageHasAReason) {
  for (const char* const policy : {"64K", "2M", "all", "16K+64K", "thp_anon=64K:madvise;2M:always"}) {
    const Order largest(std::string_view(policy).find('2') != std::string_view::npos ||
                                std::string_view(policy) == "all"
                            ? 9
                            : 4);
    const auto k = remembering(policy);
    Process& p = k->spawn();
    base::Rng rng(7);
    map(p, 8_MiB);
    std::size_t small = 0;
    for (unsigned step = 0; step < 3000; ++step) {
      const VirtAddr at = page(rng.below(2048));
      const ByteCount length = pages(1 + rng.below(40));
      switch (rng.below(12)) {
        case 0:
          static_cast<void>(p.madvise(at, length, MADV_DONTNEED));
          break;
        case 1:
          static_cast<void>(p.madvise(at, length, rng.below(2) != 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
          break;
        case 2:
          static_cast<void>(p.munmap(at, length));
          break;
        case 3:
          static_cast<void>(
              p.mmap({.addr = at, .length = length, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED}));
          break;
        case 4:
          p.touch(at, AccessKind::kRead);
          break;
        default:
          p.touch(at, AccessKind::kWrite);
      }
    }
    for (const PageInfo& info : p.layout({kArena, kArena + 8_MiB})) {
      if (info.state != PageInfo::State::kAnon) continue;
      EXPECT_EQ(why(p, info.addr) == "nothing", info.order >= largest) << policy;
      if (info.order < largest) ++small;
    }
    EXPECT_GT(small, 0U) << policy;
    expect_sound(*k);
  }
}

// A machine that was not asked to remember has no answer, which is not "nothing".
TEST(NotHuge, OnlyWhenAsked) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 2_MiB);
  EXPECT_EQ(write(p, kArena), "(none)");
}

}  // namespace
}  // namespace quire
