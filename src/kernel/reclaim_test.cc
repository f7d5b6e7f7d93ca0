// A machine that is too small for its programs: marks, kswapd, direct reclaim, and the
// bytes that must come back.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "kernel/testing_reclaim.h"
#include "swap/zram.h"
#include "vm/madvise.h"

namespace quire {
namespace {

using namespace testing;
using reclaim::Kswapd;
using reclaim::LruKind;
using stats::MthpStat;
using stats::VmEvent;
using Spec = ReclaimMachine::Spec;

struct Kinds : ::testing::TestWithParam<LruKind> {
  [[nodiscard]] Spec spec(const char* policy = "never") const {
    return {.policy = policy, .options = {.lru = GetParam(), .min_free = 1_MiB}};
  }
};
INSTANTIATE_TEST_SUITE_P(All, Kinds,
                         ::testing::Values(LruKind::kClassic, LruKind::kGenerations, LruKind::kDual,
                                           LruKind::kDualGenerations));

void write_all(vm::AddressSpace& mm, VirtAddr at, std::uint64_t pages) {
  for (std::uint64_t i = 0; i < pages; ++i)
    ASSERT_TRUE(is_served(ReclaimMachine::write(mm, at + PageCount(i), i + 1))) << i;
}

void expect_all(vm::AddressSpace& mm, VirtAddr at, std::uint64_t pages) {
  for (std::uint64_t i = 0; i < pages; ++i)
    ASSERT_EQ(ReclaimMachine::read(mm, at + PageCount(i)), i + 1) << i;
}

// 760 - twice as much as there is RAM is written and read back
TEST_P(Kinds, TwiceTheRamComesBack) {
  ReclaimMachine m(spec());
  vm::AddressSpace& mm = m.process();
  const VirtAddr at = ReclaimMachine::map(mm, 64_MiB);
  write_all(mm, at, 16384 - 16);
  EXPECT_EQ(m.broken(), "");
  expect_all(mm, at, 16384 - 16);
  EXPECT_GT(m.count(VmEvent::pgsteal_kswapd), 0U);
  EXPECT_GT(m.count(VmEvent::pswpin), 0U);
  EXPECT_EQ(m.count(VmEvent::oom_kill), 0U);
  EXPECT_EQ(m.broken(), "");
}

// 761 - the same in folios of 64 KiB, which go whole
TEST_P(Kinds, LargeFoliosGoWhole) {
  ReclaimMachine m(spec("64K"));
  vm::AddressSpace& mm = m.process();
  const VirtAddr at = ReclaimMachine::map(mm, 56_MiB);
  write_all(mm, at, 14336);
  EXPECT_GT(m.kernel->system().counters.get(MthpStat::swpout, Order(4)), 0);
  expect_all(mm, at, 14336);
  EXPECT_EQ(m.broken(), "");
}

// 762 - pages in use all the time stay, while a program passes by ten times the RAM
TEST_P(Kinds, HotPagesStay) {
  ReclaimMachine m(spec());
  vm::AddressSpace& mm = m.process();
  const VirtAddr hot = ReclaimMachine::map(mm, 4_MiB);
  const VirtAddr cold = ReclaimMachine::map(mm, 56_MiB);
  write_all(mm, hot, 1024);
  std::uint64_t hot_faults = 0;
  for (std::uint64_t i = 0; i < 5 * 14336; ++i) {
    const VirtAddr page = cold + PageCount(i % 14336);
    ASSERT_TRUE(is_served(vm::access(mm, page, AccessKind::kWrite)));
    if (vm::access(mm, hot + PageCount(i * 7 % 1024), AccessKind::kRead) == FaultResult::kMajor) ++hot_faults;
  }
  // Each hot page was used seventy times: hardly one of those uses found it gone.
  EXPECT_LT(hot_faults, 5 * 14336 / 20);
  EXPECT_GT(m.count(VmEvent::pswpin) + m.count(VmEvent::swpin_zero), 14336U);
  EXPECT_EQ(m.broken(), "");
}

// 763 - the same work twice: the same state
TEST_P(Kinds, IsDeterministic) {
  std::uint64_t hashes[2] = {};
  for (std::uint64_t& hash : hashes) {
    ReclaimMachine m(spec("thp_anon=16K-64K:always"));
    vm::AddressSpace& mm = m.process();
    const VirtAddr at = ReclaimMachine::map(mm, 56_MiB);
    base::Rng rng(7);
    for (int i = 0; i < 40000; ++i)
      (void)ReclaimMachine::write(mm, at + PageCount(rng.below(14336)), static_cast<std::uint64_t>(i));
    hash = m.kernel->state_hash();
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

// 764 - kswapd brings free memory to the high mark of some zone; allocations do nothing
// themselves
TEST(Reclaim, KswapdReachesTheHighMark) {
  ReclaimMachine m({.options = {.min_free = 1_MiB}});
  vm::AddressSpace& mm = m.process();
  write_all(mm, ReclaimMachine::map(mm, 48_MiB), 12288);
  m.reclaimer().run_kswapd();
  EXPECT_TRUE(m.kernel->system().memory.any_zone_above(phys::Mark::kLow, kOrder0));
  EXPECT_GT(m.count(VmEvent::pageoutrun), 0U);
  EXPECT_EQ(m.count(VmEvent::allocstall_movable), 0U);
  EXPECT_EQ(m.count(VmEvent::pgsteal_direct), 0U);
}

// 765 - without kswapd allocations stall and take back at least 32 pages each time
TEST(Reclaim, WithoutKswapdAllocationsDoTheWork) {
  ReclaimMachine m({.options = {.min_free = 1_MiB, .kswapd = Kswapd::kNever}});
  vm::AddressSpace& mm = m.process();
  write_all(mm, ReclaimMachine::map(mm, 48_MiB), 12288);
  EXPECT_EQ(m.count(VmEvent::pageoutrun), 0U);
  EXPECT_GT(m.count(VmEvent::allocstall_movable), 0U);
  EXPECT_GE(m.count(VmEvent::pgsteal_direct), 32 * m.count(VmEvent::allocstall_movable));
}

// 766 - a copy on write whose allocation has to reclaim copies the right page
TEST(Reclaim, CopiesTheRightPageUnderPressure) {
  ReclaimMachine m({.swap = 256_MiB, .options = {.min_free = 1_MiB, .kswapd = Kswapd::kNever}});
  vm::AddressSpace& parent = m.process();
  const VirtAddr at = ReclaimMachine::map(parent, 24_MiB);
  write_all(parent, at, 6144);
  vm::AddressSpace& child = **m.kernel->fork(parent);
  for (std::uint64_t i = 0; i < 6144; ++i) {
    ASSERT_EQ(ReclaimMachine::read(child, at + PageCount(i)), i + 1);
    ASSERT_TRUE(is_served(ReclaimMachine::write(child, at + PageCount(i), 100000 + i)));
  }
  expect_all(parent, at, 6144);
  for (std::uint64_t i = 0; i < 6144; ++i)
    ASSERT_EQ(ReclaimMachine::read(child, at + PageCount(i)), 100000 + i);
  EXPECT_EQ(m.broken(), "");
}

// 767 - partially mapped folios are split when memory is short: what nobody maps is freed
TEST(Reclaim, ThePartiallyMappedAreSplit) {
  ReclaimMachine m({.swap = 0_MiB, .policy = "64K", .options = {.min_free = 1_MiB}});
  vm::AddressSpace& mm = m.process();
  const VirtAddr at = ReclaimMachine::map(mm, 24_MiB);
  write_all(mm, at, 6144);
  for (std::uint64_t i = 0; i < 6144; i += 16)
    ASSERT_TRUE(vm::madvise(mm, at + PageCount(i), PageCount(15).bytes(), vm::Advice::kDontNeed).has_value());
  const VirtAddr more = ReclaimMachine::map(mm, 24_MiB);
  write_all(mm, more, 4096);  // would not fit beside folios of which one page is used
  EXPECT_GT(m.kernel->system().counters.get(MthpStat::split, Order(4)), 0);
  EXPECT_EQ(m.count(VmEvent::oom_kill), 0U);
  EXPECT_EQ(m.broken(), "");
}

// 768 - one folio of 64 KiB costs one look and one walk, where sixteen small ones cost
// sixteen
TEST(Reclaim, ScanCostIsPerFolio) {
  const auto cost = [](const char* policy) {
    ReclaimMachine m({.policy = policy, .options = {.min_free = 1_MiB}});
    vm::AddressSpace& mm = m.process();
    write_all(mm, ReclaimMachine::map(mm, 48_MiB), 12288);
    return std::pair(m.count(VmEvent::pgscan_kswapd) / m.count(VmEvent::quire_scanned_folios),
                     m.count(VmEvent::quire_rmap_walks));
  };
  const auto small = cost("never");
  const auto large = cost("64K");
  EXPECT_EQ(small.first, 1U);
  EXPECT_GE(large.first, 12U);
  EXPECT_LT(large.second * 8, small.second);
}

// 769 - a large allocation that may not reclaim falls back instead, and says so
TEST(Reclaim, TheDefragFileDecidesHowHardALargeFolioIsSought) {
  const auto fallbacks = [](policy::Defrag defrag) {
    ReclaimMachine m({.policy = "64K", .options = {.min_free = 1_MiB, .kswapd = Kswapd::kNever}});
    m.kernel->system().settings.defrag = defrag;
    vm::AddressSpace& mm = m.process();
    write_all(mm, ReclaimMachine::map(mm, 48_MiB), 12288);
    return m.kernel->system().counters.get(MthpStat::anon_fault_fallback, Order(4));
  };
  EXPECT_GT(fallbacks(policy::Defrag::never), fallbacks(policy::Defrag::always) - 1);
  EXPECT_GT(fallbacks(policy::Defrag::never), 0);
}

// 770 - a pool of 64 KiB blocks serves large faults when everything else is in small pieces
TEST(Reclaim, ThePoolServesLargeFaults) {
  const auto large_faults = [](std::uint64_t blocks) {
    ReclaimMachine m(
        {.policy = "64K", .options = {.lru = LruKind::kDual, .min_free = 1_MiB, .pool_blocks = blocks}});
    vm::AddressSpace& mm = m.process();
    m.kernel->system().settings.defrag = policy::Defrag::never;
    const VirtAddr at = ReclaimMachine::map(mm, 48_MiB);
    // Small folios everywhere: every second page of each block by a read that maps a zero page.
    for (std::uint64_t i = 0; i < 6144; i += 16) (void)vm::access(mm, at + PageCount(i), AccessKind::kRead);
    for (std::uint64_t i = 0; i < 6144; ++i) (void)vm::access(mm, at + PageCount(i), AccessKind::kWrite);
    const VirtAddr more = ReclaimMachine::map(mm, 8_MiB);
    const auto before = m.kernel->system().counters.get(MthpStat::anon_fault_alloc, Order(4));
    for (std::uint64_t i = 0; i < 2048; i += 16)
      (void)vm::access(mm, more + PageCount(i), AccessKind::kWrite);
    EXPECT_EQ(m.broken(), "");
    return m.kernel->system().counters.get(MthpStat::anon_fault_alloc, Order(4)) - before;
  };
  EXPECT_GE(large_faults(64), large_faults(0));
  EXPECT_GE(large_faults(64), 64);
}

// 771 - without reclaim nothing of it is there
TEST(Reclaim, AMachineThatDoesNotReclaimFailsAtOnce) {
  auto kernel = std::move(*kernel::Kernel::create({.ram = 8_MiB}, *policy::parse_policy("never")));
  vm::AddressSpace& mm = kernel->create_address_space();
  mm.layout = vm::compute_layout(mm.limits.stack);
  const VirtAddr at = ReclaimMachine::map(mm, 16_MiB);
  FaultResult result = FaultResult::kHit;
  for (std::uint64_t i = 0; i < 4096 && result != FaultResult::kOom; ++i)
    result = vm::access(mm, at + PageCount(i), AccessKind::kWrite);
  EXPECT_EQ(result, FaultResult::kOom);
  EXPECT_EQ(kernel->reclaimer(), nullptr);
  EXPECT_TRUE(kernel->system().oom_kills.empty());
}

// 772 - a machine that should not swap swaps all the same before it ends a process
TEST(Reclaim, WithoutSwappinessTheMachineSwapsBeforeItKills) {
  ReclaimMachine m({.options = {.swappiness = 0, .min_free = 1_MiB}});
  vm::AddressSpace& mm = m.process();
  const VirtAddr at = ReclaimMachine::map(mm, 48_MiB);
  write_all(mm, at, 12288);
  EXPECT_GT(m.count(VmEvent::pswpout), 0U);
  EXPECT_EQ(m.count(VmEvent::oom_kill), 0U);
}

// 773 - a use of memory that is read at random says nothing of the next one: it is no reason to keep it
TEST_P(Kinds, UsesAtRandomDoNotCount) {
  const auto faults_of_hot = [&](bool random) {
    ReclaimMachine m(spec());
    vm::AddressSpace& mm = m.process();
    const VirtAddr hot = ReclaimMachine::map(mm, 64_KiB);
    const VirtAddr passing = ReclaimMachine::map(mm, 4_MiB);
    write_all(mm, hot, 16);
    EXPECT_TRUE(vm::madvise(mm, hot, 64_KiB, random ? vm::Advice::kRandom : vm::Advice::kNormal));
    std::uint64_t faults = 0;
    for (int round = 0; round < 40; ++round) {
      write_all(mm, passing, 1024);
      for (int part = 0; part < 16; ++part) {
        for (VirtAddr p = hot; p < hot + 64_KiB; p += 4_KiB)
          if (vm::access(mm, p, AccessKind::kRead) == FaultResult::kMajor) ++faults;
        m.reclaimer().reclaim(folio::kRootGroup, PageCount(32));
      }
    }
    return faults;
  };
  const std::uint64_t kept = faults_of_hot(false), random = faults_of_hot(true);
  EXPECT_LE(kept, 48U);
  EXPECT_GE(random, 4 * kept + 100);
}

// 774 - what MADV_PAGEOUT cannot write is active afterwards: reclaim comes to it last
TEST(Reclaim, WhatCannotBePagedOutIsActive) {
  ReclaimMachine m({.swap = 0_KiB, .options = {.min_free = 1_MiB}});
  vm::AddressSpace& mm = m.process();
  const VirtAddr at = ReclaimMachine::map(mm, 16_KiB);
  write_all(mm, at, 4);
  ASSERT_TRUE(vm::madvise(mm, at, 16_KiB, vm::Advice::kPageOut));
  EXPECT_EQ(m.count(VmEvent::pgactivate), 4U);
  for (VirtAddr p = at; p < at + 16_KiB; p += 4_KiB)
    EXPECT_EQ(m.reclaimer().table().slot(vm::mapped_frame(mm, p)).active, 1);
  EXPECT_EQ(m.broken(), "");
  expect_all(mm, at, 4);
}

// 775 - a machine that is short of memory compacts the pool of its zram; a group that is short does not
TEST(Reclaim, CompactsThePoolOfZram) {
  for (const bool of_machine : {false, true}) {
    ReclaimMachine m({.ram = 64_MiB, .swap = 0_KiB, .options = {.min_free = 1_MiB}});
    auto made = kernel::make_swap_device(m.kernel->system(), {.size = 64_MiB, .algorithm = "lz4"});
    ASSERT_TRUE(made.has_value());
    const auto& zram = dynamic_cast<const swap::Zram&>(**made);
    ASSERT_TRUE(m.kernel->swapon(std::move(*made)).has_value());
    const folio::GroupId group = m.reclaimer().groups().create("app");
    vm::AddressSpace& mm = m.process(group);
    const VirtAddr at = ReclaimMachine::map(mm, 16_MiB);
    base::Rng rng(1);
    for (VirtAddr page = at; page < at + 16_MiB; page += 4_KiB) {
      ASSERT_TRUE(is_served(vm::access(mm, page, AccessKind::kWrite)));
      // From hardly anything to half of a page: objects of many sizes.
      std::byte* const bytes = mm.memory().bytes(vm::mapped_frame(mm, page));
      for (std::uint64_t n = rng.below(2048); n > 0; --n) bytes[n] = static_cast<std::byte>(rng.next());
    }
    ASSERT_TRUE(vm::madvise(mm, at, 12_MiB, vm::Advice::kPageOut).has_value());
    for (VirtAddr page = at; page < at + 12_MiB; page += 8_KiB)
      ASSERT_TRUE(vm::madvise(mm, page, 4_KiB, vm::Advice::kDontNeed).has_value());
    const PageCount holes = m.kernel->system().compactable_pages();
    ASSERT_GT(holes.raw(), 64U);
    m.reclaimer().reclaim(of_machine ? folio::kRootGroup : group, PageCount(64));
    EXPECT_EQ(zram.stats().pages_compacted != PageCount(), of_machine);
  }
}

// 776 - without swap there is one way to find memory: huge folios that hold mostly zeroes are split, and
// their pages of zeroes are free. Two programs that do not fit beside each other then do.
TEST_P(Kinds, UnderusedHugeFoliosGiveTheirZeroesBack) {
  constexpr std::uint64_t kHuge = 8;
  ReclaimMachine m({.ram = 32_MiB,
                    .swap = ByteCount(0),
                    .policy = "thp_anon=2M:always khugepaged/max_ptes_none=255",
                    .options = {.lru = GetParam(), .min_free = 1_MiB}});
  vm::AddressSpace& sparse = m.process();
  const VirtAddr at =
      ReclaimMachine::map(sparse, PageCount((kHuge + 1) * kPagesPerPmd).bytes()).align_up(kOrderPmd);
  // Of each 2 MiB a sixteenth is written to; the rest holds zeroes.
  for (std::uint64_t page = 0; page < kHuge * kPagesPerPmd; page += 16)
    ASSERT_TRUE(is_served(ReclaimMachine::write(sparse, at + PageCount(page), page + 1)));
  ASSERT_EQ(sparse.rss().anon(), PageCount(kHuge * kPagesPerPmd));
  ASSERT_TRUE(m.kernel->sysfs().write("hugepages-2048kB/enabled", "never"));
  vm::AddressSpace& hungry = m.process();
  const VirtAddr other = ReclaimMachine::map(hungry, 24_MiB);
  write_all(hungry, other, 6144);
  const std::uint64_t split = m.count(VmEvent::thp_underused_split_page);
  EXPECT_GT(split, 0U);
  // What is left of a folio that was split are the pages that were written to.
  EXPECT_LE(sparse.rss().anon(), PageCount(kHuge * kPagesPerPmd - split * kPagesPerPmd * 15 / 16));
  for (std::uint64_t page = 0; page < kHuge * kPagesPerPmd; ++page)
    ASSERT_EQ(ReclaimMachine::read(sparse, at + PageCount(page)), page % 16 == 0 ? page + 1 : 0) << page;
  expect_all(hungry, other, 6144);
  EXPECT_EQ(m.count(VmEvent::oom_kill), 0U);
  EXPECT_EQ(m.broken(), "");
}

}  // namespace
}  // namespace quire
