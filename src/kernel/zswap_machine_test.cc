// zswap in a machine: what is counted where, what it costs of RAM, what comes back large.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/rng.h"
#include "quire/kernel.h"

namespace quire {
namespace {

constexpr int kPageOut = 21;  // MADV_PAGEOUT

struct Machine {
  explicit Machine(const ZswapSettings& zswap, ByteCount ram = 64_MiB)
      : kernel(*Kernel::create({.ram = ram, .zswap = zswap}, "thp_anon=64K:always")), p(kernel->spawn()) {
    EXPECT_TRUE(kernel->swapon(SwapDevice{.kind = SwapDevice::Kind::kBlock, .size = 64_MiB}));
  }
  ~Machine() {
    for (const std::string& line : kernel->check_invariants()) ADD_FAILURE() << line;
    EXPECT_TRUE(kernel->swap_losses().empty());
  }
  enum class Fill : std::uint8_t { kZeroes, kNoise };
  // Memory whose pages begin with their number, and behind it compress well or not at all; all of it in swap.
  VirtAddr out(std::uint64_t pages, Fill fill = Fill::kZeroes) {
    const VirtAddr at =
        *p.mmap({.addr = VirtAddr(0x10000000), .length = PageCount(pages).bytes(), .flags = 0x32});
    base::Rng rng(1);
    std::array<std::uint64_t, kPageSize / sizeof(std::uint64_t)> words{};
    for (std::uint64_t n = 0; n < pages; ++n) {
      if (fill == Fill::kNoise) std::ranges::generate(words, [&] { return rng.next(); });
      words[0] = n + 1;
      EXPECT_TRUE(p.store(at + PageCount(n), std::as_bytes(std::span(words))));
    }
    EXPECT_TRUE(p.madvise(at, PageCount(pages).bytes(), kPageOut));
    return at;
  }
  std::uint64_t load(VirtAddr at) {
    std::array<std::byte, sizeof(std::uint64_t)> bytes{};
    EXPECT_TRUE(p.load(at, bytes));
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  void expect_all(VirtAddr at, std::uint64_t pages) {
    for (std::uint64_t n = 0; n < pages; ++n) EXPECT_EQ(load(at + PageCount(n)), n + 1) << n;
  }
  [[nodiscard]] std::uint64_t events(std::string_view name) const { return *kernel->vmstat(name); }
  [[nodiscard]] std::uint64_t zswap(std::string_view file) const {
    return std::stoull(*kernel->zswap_read(file));
  }
  [[nodiscard]] std::int64_t of_64k(std::string_view name) const {
    for (const Counter& c : kernel->counters())
      if (c.size == Order(4) && c.name == name) return c.value;
    return -1;
  }

  std::unique_ptr<Kernel> kernel;
  Process& p;
};

// A folio it takes counts as its own, not as the device's, and its frames are the machine's.
TEST(ZswapMachine, FoliosStayInRam) {
  Machine m({.compressor = "lz4"});
  const PageCount before = m.kernel->free_pages();
  const VirtAddr at = m.out(256);
  EXPECT_EQ(m.events("zswpout"), 256U);
  EXPECT_EQ(m.events("pswpout"), 0U);
  EXPECT_EQ(m.of_64k("zswpout"), 16);
  EXPECT_EQ(m.of_64k("swpout"), 0);
  EXPECT_EQ(m.zswap("stored_pages"), 256U);
  EXPECT_GT(m.zswap("pool_total_size"), 0U);
  EXPECT_LT(m.kernel->free_pages(), before);
  m.expect_all(at, 256);
  EXPECT_EQ(m.events("zswpin"), 256U);
  EXPECT_EQ(m.events("pswpin"), 0U);
  m.p.exit();
  EXPECT_EQ(m.zswap("stored_pages"), 0U);
  EXPECT_EQ(m.zswap("pool_total_size"), 0U);
}

// Read through the swap cache a page leaves the pool, and memory has the only copy: on its way out
// again it is compressed again, into the slot it still has. A child shares what was read.
TEST(ZswapMachine, APageInTheSwapCacheIsInMemoryOnce) {
  Machine m({.compressor = "lz4"});
  const VirtAddr at = m.out(64);
  m.expect_all(at, 64);
  EXPECT_EQ(m.zswap("stored_pages"), 0U);
  EXPECT_EQ(m.zswap("pool_total_size"), 0U);
  EXPECT_EQ(m.kernel->swap_used(), PageCount(64));
  Process* const child = *m.p.fork();
  for (Process* const process : {child, &m.p})  // who goes last lets the pages go
    ASSERT_TRUE(process->madvise(at, PageCount(64).bytes(), kPageOut));
  child->exit();
  ASSERT_TRUE(m.p.madvise(at, PageCount(64).bytes(), kPageOut));
  EXPECT_EQ(m.events("zswpout"), 128U);
  EXPECT_EQ(m.zswap("stored_pages"), 64U);
  EXPECT_EQ(m.kernel->swap_used(), PageCount(64));
  m.expect_all(at, 64);
  EXPECT_EQ(m.events("pswpin") + m.events("pswpout"), 0U);
}

// What MADV_WILLNEED brought into the cache and nobody touched is compressed again as well, not lost.
TEST(ZswapMachine, WhatWasReadInVainIsStoredAgain) {
  constexpr int kWillNeed = 3;
  Machine m({.compressor = "lz4"});
  const VirtAddr at = m.out(16);
  ASSERT_TRUE(m.p.madvise(at, PageCount(16).bytes(), kWillNeed));
  EXPECT_EQ(m.zswap("stored_pages"), 0U);
  m.expect_all(at, 16);
  EXPECT_EQ(m.events("zswpin"), 16U);
}

// Past the swap cache an entry stays for as long as its slot, which here is until the page is mapped;
// what two share goes through the cache also where devices are read at once.
TEST(ZswapMachine, PastTheCacheAnEntryGoesWithItsSlot) {
  auto kernel = *Kernel::create({.ram = 64_MiB, .zswap = ZswapSettings{}}, "4K");
  ASSERT_TRUE(kernel->swapon(SwapDevice{.kind = SwapDevice::Kind::kZram, .size = 16_MiB}));
  Process& p = kernel->spawn();
  const VirtAddr at = *p.mmap({.addr = VirtAddr(0x10000000), .length = 8_KiB, .flags = 0x32});
  const std::array<std::byte, 1> one{std::byte{1}};
  for (unsigned n = 0; n < 2; ++n) ASSERT_TRUE(p.store(at + PageCount(n), one));
  ASSERT_TRUE(p.madvise(at, 8_KiB, kPageOut));
  ASSERT_TRUE(is_served(p.touch(at, AccessKind::kRead)));
  EXPECT_EQ(*kernel->zswap_read("stored_pages"), "1\n");
  EXPECT_EQ(kernel->swap_used(), PageCount(1));
  ASSERT_TRUE(p.fork());
  ASSERT_TRUE(is_served(p.touch(at + PageCount(1), AccessKind::kRead)));
  EXPECT_EQ(*kernel->zswap_read("stored_pages"), "0\n");
  EXPECT_EQ(kernel->swap_used(), PageCount(1));  // the child's
  EXPECT_TRUE(kernel->check_invariants().empty());
}

// Linux 6.18 brings single pages back; the policy beyond it what it was.
TEST(ZswapMachine, WholeFoliosAreAPolicy) {
  for (const auto load : {ZswapSettings::Load::kSinglePages, ZswapSettings::Load::kWholeFolios}) {
    // A device that is read at once, past the swap cache: there swap-in takes large folios.
    auto kernel =
        *Kernel::create({.ram = 64_MiB, .zswap = ZswapSettings{.load = load}}, "thp_anon=64K:always");
    ASSERT_TRUE(kernel->swapon(SwapDevice{.kind = SwapDevice::Kind::kZram, .size = 16_MiB}));
    Process& p = kernel->spawn();
    const VirtAddr at = *p.mmap({.addr = VirtAddr(0x10000000), .length = 64_KiB, .flags = 0x32});
    const std::array<std::byte, 1> one{std::byte{1}};
    for (unsigned n = 0; n < 16; ++n) ASSERT_TRUE(p.store(at + PageCount(n), one));
    ASSERT_TRUE(p.madvise(at, 64_KiB, kPageOut));
    EXPECT_EQ(p.layout({at, at + 4_KiB})[0].state, PageInfo::State::kSwapped);
    EXPECT_TRUE(is_served(p.touch(at, AccessKind::kRead)));
    const bool whole = load == ZswapSettings::Load::kWholeFolios;
    EXPECT_EQ(p.layout({at, at + 4_KiB})[0].order, whole ? Order(4) : kOrder0);
    EXPECT_EQ(*kernel->vmstat("zswpin"), whole ? 16U : 1U);
    EXPECT_TRUE(kernel->check_invariants().empty());
  }
}

// At its limit it takes nothing, writes the oldest back, and every page is where it is found.
TEST(ZswapMachine, AtItsLimitItWritesBack) {
  Machine m({.compressor = "lz4", .max_pool_percent = 1}, 16_MiB);
  const VirtAddr at = m.out(2048, Machine::Fill::kNoise);
  EXPECT_GT(m.zswap("pool_limit_hit"), 0U);
  EXPECT_GT(m.events("zswpwb"), 0U);
  EXPECT_EQ(m.events("zswpwb"), m.zswap("written_back_pages"));
  EXPECT_EQ(m.events("zswpout") + m.events("pswpout"), 2048 + m.events("zswpwb"));
  m.expect_all(at, 2048);
  EXPECT_GT(m.events("pswpin"), 0U);
}

// swapoff brings everything back through it.
TEST(ZswapMachine, SwapoffEmptiesIt) {
  Machine m({.compressor = "zstd"});
  const VirtAddr at = m.out(64);
  ASSERT_TRUE(m.kernel->swapoff(0));
  EXPECT_EQ(m.zswap("stored_pages"), 0U);
  m.expect_all(at, 64);
}

// What cannot be says so.
TEST(ZswapMachine, Refusals) {
  const auto why = [](const ZswapSettings& zswap) {
    return Kernel::create({.ram = 64_MiB, .zswap = zswap}).error().line();
  };
  EXPECT_NE(why({.compressor = "lz5"}).find("lz4"), std::string::npos);
  EXPECT_NE(why({.max_pool_percent = 101}).find("100"), std::string::npos);
  const auto none = Kernel::create({.ram = 64_MiB});
  EXPECT_EQ((*none)->zswap_read("stored_pages").error(), Errno::kNoEnt);
}

}  // namespace
}  // namespace quire
