// The shrinker of the pools that compressed pages lie in: frames come back to the machine, bytes stay.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernel/swap_devices.h"
#include "kernel/testing_reclaim.h"
#include "vm/madvise.h"
#include "vm/syscalls.h"

namespace quire {
namespace {

using testing::ReclaimMachine;

constexpr std::uint64_t kPages = 600;

// Pages in swap, of which two in three are gone again.
VirtAddr with_holes(vm::AddressSpace& mm) {
  const VirtAddr at = ReclaimMachine::map(mm, PageCount(kPages).bytes());
  for (std::uint64_t n = 0; n < kPages; ++n)
    EXPECT_TRUE(is_served(ReclaimMachine::write(mm, at + PageCount(n), n + 1)));
  EXPECT_TRUE(vm::madvise(mm, at, PageCount(kPages).bytes(), vm::Advice::kPageOut));
  for (std::uint64_t n = 0; n < kPages; ++n)
    if (n % 3 != 0) {
      EXPECT_TRUE(vm::munmap(mm, at + PageCount(n), PageCount(1).bytes()));
    }
  return at;
}

void expect_shrinks(ReclaimMachine& m, vm::AddressSpace& mm) {
  const VirtAddr at = with_holes(mm);
  vm::System& system = m.kernel->system();
  const PageCount promised = system.compactable_pages(), before = system.memory.free_pages();
  EXPECT_GT(promised, PageCount());
  EXPECT_EQ(system.compact_pools(), promised);
  EXPECT_EQ(system.memory.free_pages(), before + promised);
  EXPECT_EQ(system.compactable_pages(), PageCount());
  EXPECT_EQ(system.compact_pools(), PageCount());  // the shrinker stops
  EXPECT_EQ(m.broken(), "");
  for (std::uint64_t n = 0; n < kPages; n += 3)
    EXPECT_EQ(ReclaimMachine::read(mm, at + PageCount(n)), n + 1) << n;
}

// A zram's pool, and then that of a second one, are parts of one machine.
TEST(SwapPools, ZramGivesBackWhatItsHolesTake) {
  ReclaimMachine m({.swap = ByteCount()});
  for (const ByteCount size : {2_MiB, 8_MiB})
    ASSERT_TRUE(m.kernel->swapon(
        *kernel::make_swap_device(m.kernel->system(), SwapDevice{.size = size, .algorithm = "zstd"})));
  expect_shrinks(m, m.process());
}

// zswap's pool belongs to no device.
TEST(SwapPools, ZswapGivesBackWhatItsHolesTake) {
  ReclaimMachine m({.zswap = ZswapSettings{.compressor = "lz4"}});
  expect_shrinks(m, m.process());
}

// Without anything compressed there is nothing to give.
TEST(SwapPools, DisksHaveNone) {
  ReclaimMachine m({});
  vm::AddressSpace& mm = m.process();
  (void)with_holes(mm);
  EXPECT_EQ(m.kernel->system().compactable_pages(), PageCount());
  EXPECT_EQ(m.kernel->system().compact_pools(), PageCount());
}

}  // namespace
}  // namespace quire
