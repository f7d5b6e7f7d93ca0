// What is kept compressed goes bad in memory: who touches it hears of it, everybody else has what was theirs.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/rng.h"
#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

constexpr int kPageOut = MADV_PAGEOUT;
constexpr ByteCount kMemory = pages(32);

SwapEntry slot_of(const Process& p, std::uint64_t n) {
  const PageInfo info = p.layout({page(n), page(n + 1)})[0];
  EXPECT_EQ(info.state, PageInfo::State::kSwapped);
  return info.swap;
}

// A program all of whose memory is in swap.
Process& swapped_program(Kernel& k) {
  Process& p = k.spawn();
  map(p, kMemory);
  fill(p, kArena, kMemory);
  EXPECT_TRUE(p.madvise(kArena, kMemory, kPageOut));
  return p;
}

// Every page but these holds what was written.
void expect_all_but(Process& p, std::uint64_t first, std::uint64_t count = 1) {
  EXPECT_TRUE(filled(p, kArena, pages(first)));
  EXPECT_TRUE(filled(p, page(first + count), kMemory - pages(first + count)));
}

// One object of a zram, of each algorithm: SIGBUS each time its page is touched, a record with all there is
// to know, and no other page of the program is touched by it. The slot goes with the memory.
TEST(SwapDamage, OneObjectOfZramIsOnePageOfOneProgram) {
  for (const char* const algorithm : {"lzo", "lzo-rle", "lz4", "zstd"}) {
    SCOPED_TRACE(algorithm);
    const auto k = boot("4K");
    ASSERT_TRUE(k->swapon(SwapDevice{.size = 16_MiB, .algorithm = algorithm}));
    Process& other = swapped_program(*k);
    Process& p = swapped_program(*k);
    const SwapEntry slot = slot_of(p, 5);
    ASSERT_TRUE(k->damage_swapped(slot));
    EXPECT_EQ(p.touch(page(5), AccessKind::kRead), FaultResult::kBus);
    EXPECT_EQ(p.touch(page(5) + ByteCount(100), AccessKind::kWrite), FaultResult::kBus);
    std::array<std::byte, 1> byte{};
    EXPECT_EQ(p.load(page(5), byte).error(), Errno::kFault);
    expect_all_but(p, 5);
    EXPECT_TRUE(filled(other, kArena, kMemory));
    ASSERT_EQ(k->swap_losses().size(), 3U);
    for (const SwapLoss& loss : k->swap_losses()) {
      EXPECT_EQ(loss.pid, p.pid());
      EXPECT_EQ(loss.addr, page(5));
      EXPECT_EQ(loss.slot, slot);
      EXPECT_EQ(loss.device, "zram0");
      EXPECT_FALSE(loss.in_zswap);
      EXPECT_EQ(loss.cause, SwapLoss::Cause::kCorrupt);
    }
    EXPECT_EQ(k->swap_used(), PageCount(1));
    ASSERT_TRUE(p.munmap(page(5), 4_KiB));
    map(p, 4_KiB, page(5));
    fill(p, page(5), 4_KiB);
    EXPECT_TRUE(filled(p, kArena, kMemory));
    EXPECT_EQ(k->swap_used(), PageCount(0));
    expect_sound(*k);
  }
}

// A folio of zram is read whole, as on Linux: one object of it that is bad keeps all of it away. Its
// neighbours come back as large as they were.
TEST(SwapDamage, ALargeFolioIsReadWholeOrNot) {
  const auto k = boot("64K");
  ASSERT_TRUE(k->swapon(SwapDevice{.size = 16_MiB}));
  Process& p = swapped_program(*k);
  ASSERT_TRUE(k->damage_swapped(slot_of(p, 5)));
  EXPECT_EQ(p.touch(page(12), AccessKind::kRead), FaultResult::kBus);
  EXPECT_EQ(k->swap_losses()[0].slot, slot_of(p, 12));  // the page that was wanted
  expect_all_but(p, 0, 16);
  EXPECT_EQ(picture(p, page(16), 16), times(16, '4'));
  expect_sound(*k);
}

// Who shares the slot loses the page too, and each has a record. Records outlive the programs and
// the device.
TEST(SwapDamage, RecordsOutliveProgramAndDevice) {
  const auto k = boot("4K");
  ASSERT_TRUE(k->swapon(SwapDevice{.size = 16_MiB}));
  Process& p = swapped_program(*k);
  Process& child = **p.fork();
  const std::uint32_t pids[] = {p.pid(), child.pid()};
  ASSERT_TRUE(k->damage_swapped(slot_of(p, 31)));
  EXPECT_EQ(p.touch(page(31), AccessKind::kRead), FaultResult::kBus);
  EXPECT_EQ(child.touch(page(31), AccessKind::kRead), FaultResult::kBus);
  expect_all_but(child, 31);
  p.exit();
  child.exit();
  ASSERT_TRUE(k->swapoff(0));
  ASSERT_TRUE(k->swapon(SwapDevice{.kind = SwapDevice::Kind::kBlock, .size = 16_MiB}));
  ASSERT_EQ(k->swap_losses().size(), 2U);
  for (std::size_t n = 0; n < 2; ++n) {
    EXPECT_EQ(k->swap_losses()[n].pid, pids[n]);
    EXPECT_EQ(k->swap_losses()[n].device, "zram0");
  }
  expect_sound(*k);
}

// An entry of zswap: the record says that the disk never had the page. Reading ahead over it harms nobody
// and is no loss.
TEST(SwapDamage, OneEntryOfZswapIsOnePage) {
  const auto k = *Kernel::create({.ram = 64_MiB, .zswap = ZswapSettings{.compressor = "lz4"}}, "4K");
  ASSERT_TRUE(k->swapon(SwapDevice{.kind = SwapDevice::Kind::kBlock, .size = 16_MiB}));
  Process& p = swapped_program(*k);
  const SwapEntry slot = slot_of(p, 9);
  ASSERT_TRUE(k->damage_swapped(slot));
  expect_all_but(p, 9);
  EXPECT_TRUE(k->swap_losses().empty());
  EXPECT_GT(std::stoull(*k->zswap_read("decompress_fail")), 0U);
  EXPECT_EQ(p.touch(page(9), AccessKind::kWrite), FaultResult::kBus);
  ASSERT_EQ(k->swap_losses().size(), 1U);
  EXPECT_EQ(
      k->swap_losses()[0].line(),
      fmt::format("process {}: the page at 0x10009000 is lost: slot {} of sda, in zswap, is corrupt: it "
                  "holds other bytes than were written",
                  p.pid(), slot.slot()));
  EXPECT_EQ(k->zswap_read("stored_pages"), "1\n");
  expect_sound(*k);
}

// swapoff brings back what it can and says what it cannot; the device stays in use for that page.
TEST(SwapDamage, SwapoffSaysWhatItCannotBringBack) {
  const auto k = boot("4K");
  ASSERT_TRUE(k->swapon(SwapDevice{.size = 16_MiB}));
  Process& p = swapped_program(*k);
  ASSERT_TRUE(k->damage_swapped(slot_of(p, 20)));
  EXPECT_EQ(k->swapoff(0).error(), Errno::kIo);
  ASSERT_EQ(k->swap_losses().size(), 1U);
  EXPECT_EQ(k->swap_losses()[0].addr, page(20));
  EXPECT_EQ(k->swap_losses()[0].cause, SwapLoss::Cause::kCorrupt);
  EXPECT_EQ(k->swap_used(), PageCount(1));
  expect_all_but(p, 20);
  p.exit();
  EXPECT_TRUE(k->swapoff(0));
  expect_sound(*k);
}

// Only what would be noticed is damaged: not zeroes, which are not kept, not pages that do not compress,
// which are kept as they are, not slots that nobody uses, and nothing of disks.
TEST(SwapDamage, OnlyWhatIsCompressedIsDamaged) {
  const auto k = boot("4K");
  ASSERT_TRUE(k->swapon(SwapDevice{.size = 16_MiB}));
  Process& p = k->spawn();
  map(p, 8_KiB);
  base::Rng rng(1);
  std::array<std::uint64_t, kPageSize / sizeof(std::uint64_t)> noise{};
  std::ranges::generate(noise, [&] { return rng.next(); });
  ASSERT_TRUE(p.store(kArena, std::as_bytes(std::span(noise))));
  ASSERT_EQ(p.touch(page(1), AccessKind::kWrite), FaultResult::kMinor);
  ASSERT_TRUE(p.madvise(kArena, 8_KiB, kPageOut));
  EXPECT_FALSE(k->damage_swapped(slot_of(p, 0)));
  EXPECT_FALSE(k->damage_swapped(slot_of(p, 1)));
  EXPECT_FALSE(k->damage_swapped(SwapEntry(0, 100)));
  EXPECT_FALSE(k->damage_swapped(SwapEntry(7, 1)));
  EXPECT_EQ(p.touch(kArena, AccessKind::kRead), FaultResult::kMajor);

  const auto plain = boot("4K");
  ASSERT_TRUE(plain->swapon(SwapDevice{.kind = SwapDevice::Kind::kBlock, .size = 16_MiB}));
  EXPECT_FALSE(plain->damage_swapped(slot_of(swapped_program(*plain), 3)));
  const auto empty = boot("4K", 64_MiB, Contents::kNone);
  ASSERT_TRUE(empty->swapon(SwapDevice{.size = 16_MiB}));
  EXPECT_FALSE(empty->damage_swapped(slot_of(swapped_program(*empty), 3)));
}

}  // namespace
}  // namespace quire
