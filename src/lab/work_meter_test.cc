#include "lab/work_meter.h"

#include <gtest/gtest.h>

#include "policy/parse.h"
#include "vm/fault.h"
#include "vm/syscalls.h"

namespace quire::lab {
namespace {

using cost::SizedWork;
using cost::Work;

constexpr VirtAddr kAt{0x200000000};

class WorkMeterTest : public ::testing::Test {
 protected:
  WorkMeterTest() : mm_(kernel_->create_address_space()), meter_(*kernel_) {
    vm::MmapRequest arena;
    arena.addr = kAt;
    arena.length = kOrderPmd.bytes();
    arena.prot = vm::Prot::kRead | vm::Prot::kWrite;
    arena.flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous | vm::MapFlags::kFixed;
    EXPECT_TRUE(vm::mmap(mm_, arena));
    meter_.start();
  }
  cost::Amounts touch(ByteCount offset, AccessKind kind) {
    EXPECT_EQ(vm::access(mm_, kAt + offset, kind), FaultResult::kMinor);
    return meter_.fault(Work::kZeroFault);
  }
  static std::uint64_t of(const cost::Amounts& a, SizedWork work, Order order) {
    return a.sized[static_cast<std::size_t>(work)][order.raw()];
  }
  static std::uint64_t of(const cost::Amounts& a, Work work) {
    return a.plain[static_cast<std::size_t>(work)];
  }

  std::unique_ptr<kernel::Kernel> kernel_ = std::move(*kernel::Kernel::create(
      {.ram = 64_MiB, .contents = phys::Contents::kNone}, *policy::parse_policy("64K")));
  vm::AddressSpace& mm_;
  WorkMeter meter_;
};

// A fault is what it made: the zero page with the tables for it, a folio of its
// size, a copied page, a page of its own again.
TEST_F(WorkMeterTest, FaultsByWhatTheyMade) {
  const cost::Amounts zero = touch(64_KiB, AccessKind::kRead);
  EXPECT_EQ(of(zero, Work::kZeroFault), 1U);
  EXPECT_GE(of(zero, Work::kTable), 1U);
  const cost::Amounts large = touch(128_KiB, AccessKind::kWrite);
  EXPECT_EQ(of(large, SizedWork::kFault, Order(4)), 1U);
  EXPECT_EQ(of(large, Work::kZeroFault), 0U);
  EXPECT_EQ(of(large, Work::kTable), 0U);
  // The block of the zero page is no longer empty.
  const cost::Amounts small = touch(68_KiB, AccessKind::kWrite);
  EXPECT_EQ(of(small, SizedWork::kFault, kOrder0), 1U);

  vm::AddressSpace& child = **kernel_->fork(mm_);
  const cost::Amounts fork = meter_.fork(mm_.rss().anon());
  EXPECT_EQ(of(fork, SizedWork::kFork, Order(4)), 1U);
  EXPECT_EQ(of(fork, SizedWork::kFork, kOrder0), 1U);
  EXPECT_EQ(of(touch(128_KiB, AccessKind::kWrite), Work::kCopyFault), 1U);
  const PageCount lost = child.rss().anon();
  kernel_->destroy(child);
  (void)meter_.other(lost);
  EXPECT_EQ(of(touch(68_KiB, AccessKind::kWrite), Work::kReuseFault), 1U);
}

// What goes is counted by the folios that went.
TEST_F(WorkMeterTest, UnmappingByFolio) {
  (void)touch(0_KiB, AccessKind::kWrite);
  (void)touch(128_KiB, AccessKind::kWrite);
  ASSERT_TRUE(vm::munmap(mm_, kAt, 128_KiB));
  EXPECT_EQ(of(meter_.other(PageCount(16)), SizedWork::kUnmap, Order(4)), 1U);
}

}  // namespace
}  // namespace quire::lab
