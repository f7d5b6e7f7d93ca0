#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>

#include "quire/kernel.h"

namespace quire {
namespace {

std::unique_ptr<Kernel> boot(std::string_view policy, ByteCount ram = 256_MiB) {
  auto k = Kernel::create({.ram = ram}, policy);
  EXPECT_TRUE(k.has_value()) << k.error().line();
  return std::move(*k);
}

std::string stat(const Kernel& k, std::string_view file) {
  auto text = k.sysfs_read(file);
  EXPECT_TRUE(text.has_value()) << file;
  return text ? text->substr(0, text->size() - 1) : "";
}

void expect_sound(const Kernel& k) {
  for (const std::string& line : k.check_invariants()) ADD_FAILURE() << line;
}

VirtAddr map(Process& p, ByteCount length, VirtAddr at = VirtAddr(0x10000000)) {
  return *p.mmap({.addr = at, .length = length, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
}

// T1: one write in each of 16 blocks of 64 KiB makes 16 folios of order 4.
TEST(Library, AWriteFaultMapsAWholeFolio) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  for (unsigned i = 0; i < 16; ++i)
    EXPECT_EQ(p.touch(at + ByteCount(i * 65536ULL + 4097), AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/anon_fault_alloc"), "16");
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/nr_anon"), "16");
  for (const PageInfo& page : p.layout({at, at + 1_MiB})) {
    EXPECT_EQ(page.order, Order(4));
    EXPECT_TRUE(page.exclusive && page.writable);
  }
  expect_sound(*k);
}

// T2: a page read first holds the zero page and keeps its block from becoming large.
TEST(Library, AZeroPageBlocksTheBlock) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  EXPECT_EQ(p.touch(at + ByteCount(3 * 4096), AccessKind::kRead), FaultResult::kMinor);
  EXPECT_EQ(p.touch(at + ByteCount(7 * 4096), AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(p.touch(at + ByteCount(3 * 4096), AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/anon_fault_alloc"), "0");
  EXPECT_EQ(p.layout({at + ByteCount(3 * 4096), at + ByteCount(4 * 4096)})[0].order, kOrder0);
}

// T3: unmapping a page of a folio marks it partially mapped once, until it is gone.
TEST(Library, PartialUnmapDefersASplit) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  p.touch(at, AccessKind::kWrite);
  ASSERT_TRUE(p.madvise(at, 4_KiB, MADV_DONTNEED));
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split_deferred"), "1");
  ASSERT_TRUE(p.madvise(at + 4_KiB, 4_KiB, MADV_DONTNEED));
  p.touch(at, AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split_deferred"), "1");
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/nr_anon_partially_mapped"), "1");
  ASSERT_TRUE(p.munmap(at, 1_MiB));
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/nr_anon"), "0");
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/nr_anon_partially_mapped"), "0");
  expect_sound(*k);
}

// T4 and M1: MADV_FREE of a whole folio keeps it; of a part splits it, which
// for a PTE-mapped folio passes the deferred list and for a huge PMD does not.
TEST(Library, FreeOfAPartSplits) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  std::array<std::byte, 65536> ones;
  ones.fill(std::byte{1});
  ASSERT_TRUE(p.store(at, ones));
  ASSERT_TRUE(p.madvise(at, 64_KiB, MADV_FREE));
  EXPECT_EQ(k->vmstat("pglazyfree"), 16U);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split"), "0");
  ASSERT_TRUE(p.store(at + 64_KiB, ones));
  ASSERT_TRUE(p.madvise(at + 64_KiB, 32_KiB, MADV_FREE));
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split"), "1");
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split_deferred"), "1");
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/nr_anon"), "1");
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/nr_anon_partially_mapped"), "0");
  expect_sound(*k);

  const auto huge = boot("2M");
  Process& q = huge->spawn();
  const VirtAddr block = map(q, 2_MiB);
  std::vector<std::byte> full(2 << 20, std::byte{1});
  ASSERT_TRUE(q.store(block, full));
  ASSERT_TRUE(q.madvise(block, 1_MiB, MADV_FREE));
  EXPECT_EQ(stat(*huge, "hugepages-2048kB/stats/split"), "1");
  EXPECT_EQ(huge->vmstat("thp_split_page"), 1U);
  EXPECT_EQ(huge->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(stat(*huge, "hugepages-2048kB/stats/split_deferred"), "0");
  expect_sound(*huge);
}

// T5: after fork the child copies one page; the parent's own write takes a page
// out of the folio for good; once the child is gone the parent reuses in place.
TEST(Library, ForkCopyAndReuse) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  p.touch(at, AccessKind::kWrite);
  Process& child = **p.fork();
  const auto before = p.layout({at, at + 64_KiB});
  EXPECT_FALSE(before[1].exclusive);
  EXPECT_EQ(before[1].mapcount, 2U);
  child.touch(at + 4_KiB, AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split_deferred"), "0");
  p.touch(at + 4_KiB, AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/split_deferred"), "1");
  EXPECT_NE(p.layout({at + 4_KiB, at + 8_KiB})[0].pfn, before[1].pfn);
  child.exit();
  p.touch(at + 8_KiB, AccessKind::kWrite);
  EXPECT_EQ(p.layout({at + 8_KiB, at + 12_KiB})[0].pfn, before[2].pfn);
  expect_sound(*k);
}

// T6: only enabled sizes are tried, the largest whose block is empty and lies
// in the mapping; unsuitable sizes are no fallback.
TEST(Library, TheLargestFittingEmptyBlockWins) {
  const auto k = boot("16K+32K+64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  ASSERT_TRUE(k->sysfs_write("hugepages-16kB/enabled", "never"));
  ASSERT_TRUE(k->sysfs_write("hugepages-32kB/enabled", "never"));
  ASSERT_TRUE(k->sysfs_write("hugepages-64kB/enabled", "never"));
  p.touch(at, AccessKind::kWrite);
  for (const char* size : {"16", "32", "64"}) {
    ASSERT_TRUE(k->sysfs_write(std::string("hugepages-") + size + "kB/enabled", "always"));
  }
  p.touch(at + ByteCount(5 * 4096), AccessKind::kWrite);
  p.touch(at + ByteCount(9 * 4096), AccessKind::kWrite);
  p.touch(at + 64_KiB, AccessKind::kWrite);
  for (const char* size : {"16", "32", "64"}) {
    const std::string dir = std::string("hugepages-") + size + "kB/stats/";
    EXPECT_EQ(stat(*k, dir + "anon_fault_alloc"), "1") << size;
    EXPECT_EQ(stat(*k, dir + "anon_fault_fallback"), "0") << size;
  }
}

// T8: 2 MiB by a write, the huge zero folio by a read, 2 MiB by writing to it.
TEST(Library, HugeFaults) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 4_MiB);
  p.touch(at, AccessKind::kWrite);
  EXPECT_EQ(k->vmstat("thp_fault_alloc"), 1U);
  p.touch(at + 2_MiB, AccessKind::kRead);
  EXPECT_EQ(k->vmstat("thp_zero_page_alloc"), 1U);
  EXPECT_EQ(p.layout({at + 2_MiB, at + 3_MiB})[7].state, PageInfo::State::kZero);
  p.touch(at + 2_MiB, AccessKind::kWrite);
  EXPECT_EQ(k->vmstat("thp_fault_alloc"), 2U);
  EXPECT_EQ(stat(*k, "hugepages-2048kB/stats/anon_fault_alloc"), "2");
  expect_sound(*k);
}

// T9: changing or unmapping one page of 2 MiB splits the PMD, not the folio.
TEST(Library, PartOfAHugePmd) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 4_MiB);
  p.touch(at, AccessKind::kWrite);
  ASSERT_TRUE(p.mprotect(at, 4_KiB, PROT_READ));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(k->vmstat("thp_deferred_split_page"), 0U);
  p.touch(at + 2_MiB, AccessKind::kWrite);
  ASSERT_TRUE(p.munmap(at + 2_MiB, 4_KiB));
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 2U);
  EXPECT_EQ(k->vmstat("thp_deferred_split_page"), 1U);
  EXPECT_EQ(stat(*k, "hugepages-2048kB/stats/nr_anon_partially_mapped"), "1");
  expect_sound(*k);
}

// T10: a write to a shared 2 MiB page splits the writer's PMD; alone again,
// the parent takes over in place.
TEST(Library, ForkOfAHugePage) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 2_MiB);
  p.touch(at, AccessKind::kWrite);
  Process& child = **p.fork();
  child.touch(at, AccessKind::kWrite);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  p.touch(at, AccessKind::kWrite);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 2U);
  child.exit();
  const Pfn before = p.layout({at + 4_KiB, at + 8_KiB})[0].pfn;
  p.touch(at + 4_KiB, AccessKind::kWrite);
  EXPECT_EQ(p.layout({at + 4_KiB, at + 8_KiB})[0].pfn, before);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 2U);
  expect_sound(*k);
}

// T12: a huge PMD moves whole to an aligned place and is split for any other.
TEST(Library, MovingAHugePmd) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 2_MiB);
  p.touch(at, AccessKind::kWrite);
  const VirtAddr aligned(0x40000000);
  ASSERT_EQ(p.mremap(at, 2_MiB, 2_MiB, MREMAP_MAYMOVE | MREMAP_FIXED, aligned), aligned);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 0U);
  EXPECT_TRUE(p.layout({aligned, aligned + 4_KiB})[0].pmd_mapped);
  const VirtAddr unaligned(0x60001000);
  ASSERT_EQ(p.mremap(aligned, 2_MiB, 2_MiB, MREMAP_MAYMOVE | MREMAP_FIXED, unaligned), unaligned);
  EXPECT_EQ(k->vmstat("thp_split_pmd"), 1U);
  EXPECT_EQ(p.layout({unaligned, unaligned + 4_KiB})[0].order, kOrderPmd);
  expect_sound(*k);
}

// A range whose pages were all dropped may become huge again: the kernel gives
// the emptied table back at once.
TEST(Library, DontNeedOfWholeTwoMegabytesFreesTheTable) {
  const auto k = boot("4K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 2_MiB);
  for (unsigned i = 0; i < 512; ++i) p.touch(at + PageCount(i), AccessKind::kWrite);
  ASSERT_TRUE(k->sysfs_write("hugepages-2048kB/enabled", "always"));
  ASSERT_TRUE(p.madvise(at, 2_MiB, MADV_DONTNEED));
  p.touch(at, AccessKind::kWrite);
  EXPECT_EQ(k->vmstat("thp_fault_alloc"), 1U);
  expect_sound(*k);
}

// When every allocation from the n-th on fails, each call says so and nothing
// is lost or half done, for every n.
TEST(Library, EveryAllocationMayFail) {
  for (int n = 0; n < 120; ++n) {
    const auto k = boot("64K+2M");
    Process& p = k->spawn();
    int left = n;
    k->set_allocation_failure([](void* c, Order) { return (*static_cast<int*>(c))-- <= 0; }, &left);
    const VirtAddr at = map(p, 8_MiB);
    for (unsigned i = 0; i < 40; ++i)
      p.touch(at + ByteCount(i * 200'000ULL), i % 3 == 0 ? AccessKind::kRead : AccessKind::kWrite);
    if (auto child = p.fork()) {
      (*child)->touch(at, AccessKind::kWrite);
      (*child)->touch(at + 3_MiB, AccessKind::kWrite);
    }
    static_cast<void>(p.madvise(at + 1_MiB, 1_MiB, MADV_FREE));
    static_cast<void>(p.mremap(at, 4_MiB, 4_MiB, MREMAP_MAYMOVE | MREMAP_FIXED, VirtAddr(0x70001000)));
    static_cast<void>(p.exec());
    expect_sound(*k);
    if (HasFailure()) FAIL() << "first failure at allocation " << n;
  }
}

// Where no block of a size is left the next smaller one is tried, each miss counted once.
TEST(Library, FallbackCountsEachSizeOnce) {
  const auto k = boot("16K+64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  k->set_allocation_failure([](void*, Order o) { return o.raw() == 4; }, nullptr);
  p.touch(at, AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/anon_fault_fallback"), "1");
  EXPECT_EQ(stat(*k, "hugepages-16kB/stats/anon_fault_alloc"), "1");
}

// The heap starts a mapping of its own, even right behind other memory (bss),
// so that no folio reaches across its start; later it grows that mapping.
TEST(Library, TheHeapNeverMergesWithWhatLiesBelowIt) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr start = p.brk(VirtAddr(0));
  map(p, 128_KiB, start - 128_KiB);
  ASSERT_EQ(p.brk(start + 256_KiB), start + 256_KiB);
  const VirtAddr block = start.align_down(Order(4));
  ASSERT_NE(block, start);
  p.touch(start, AccessKind::kWrite);
  EXPECT_EQ(p.layout({start, start + 4_KiB})[0].order, kOrder0);
  ASSERT_EQ(p.brk(start + 512_KiB), start + 512_KiB);
  p.touch((start + 256_KiB).align_down(Order(4)), AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/anon_fault_alloc"), "1");
}

// The prctl modes: off for all sizes, or for all but advised mappings.
TEST(Library, PrctlThpModes) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  const VirtAddr at = map(p, 1_MiB);
  ASSERT_TRUE(p.set_thp_disable(1));
  p.touch(at, AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/anon_fault_alloc"), "0");
  ASSERT_TRUE(p.set_thp_disable(1, 2));
  ASSERT_TRUE(p.madvise(at + 512_KiB, 512_KiB, MADV_HUGEPAGE));
  p.touch(at + 64_KiB, AccessKind::kWrite);
  p.touch(at + 512_KiB, AccessKind::kWrite);
  EXPECT_EQ(stat(*k, "hugepages-64kB/stats/anon_fault_alloc"), "1");
  EXPECT_EQ(p.set_thp_disable(7).error(), Errno::kInval);
}

}  // namespace
}  // namespace quire
