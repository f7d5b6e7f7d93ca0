#include "lab/work_meter.h"

#include <gtest/gtest.h>

#include "policy/parse.h"
#include "vm/fault.h"
#include "vm/madvise.h"
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
  }
  cost::Fault touch(ByteCount offset, AccessKind kind) {
    const PageCount before = mm_.rss().anon();
    EXPECT_EQ(vm::access(mm_, kAt + offset, kind), FaultResult::kMinor);
    return meter_.fault(mm_.rss().anon() - before);
  }
  std::unique_ptr<kernel::Kernel> kernel_ = std::move(*kernel::Kernel::create(
      {.ram = 64_MiB, .contents = phys::Contents::kNone}, *policy::parse_policy("64K")));
  vm::AddressSpace& mm_;
  WorkMeter meter_;
};

// A fault is what it made: tables, a folio of its size, a copied page, a page of
// its own again, or nothing.
TEST_F(WorkMeterTest, FaultsByWhatTheyMade) {
  const cost::Fault zero = touch(64_KiB, AccessKind::kRead);
  EXPECT_FALSE(zero.made);
  EXPECT_FALSE(zero.served);
  EXPECT_GE(zero.tables, 1U);
  const cost::Fault large = touch(128_KiB, AccessKind::kWrite);
  EXPECT_EQ(large.made, Order(4));
  EXPECT_EQ(large.tables, 0U);
  // The block of the zero page is no longer empty.
  EXPECT_EQ(touch(68_KiB, AccessKind::kWrite).made, kOrder0);

  meter_.begin();
  vm::AddressSpace& child = **kernel_->fork(mm_);
  const cost::Amounts fork = meter_.fork(mm_.rss().anon());
  EXPECT_EQ(fork.of(SizedWork::kFork, Order(4)), 1U);
  EXPECT_EQ(fork.of(SizedWork::kFork, kOrder0), 1U);
  EXPECT_EQ(touch(128_KiB, AccessKind::kWrite).copies, 1U);
  kernel_->destroy(child);
  EXPECT_EQ(touch(68_KiB, AccessKind::kWrite).served, Work::kReuseFault);
}

// What goes is counted by the folios that went.
TEST_F(WorkMeterTest, UnmappingByFolio) {
  (void)touch(0_KiB, AccessKind::kWrite);
  (void)touch(128_KiB, AccessKind::kWrite);
  meter_.begin();
  const PageCount before = mm_.rss().anon();
  ASSERT_TRUE(vm::munmap(mm_, kAt, 128_KiB));
  EXPECT_EQ(meter_.other({before, mm_.rss().anon()}).of(SizedWork::kUnmap, Order(4)), 1U);
}

// What a call faults in costs what the faults would, small pages too: 64 KiB fit once between the
// pages that were there.
TEST_F(WorkMeterTest, PopulatingByFolio) {
  (void)touch(4_KiB, AccessKind::kRead);
  const PageCount before = mm_.rss().anon();
  meter_.begin();
  ASSERT_TRUE(vm::madvise(mm_, kAt, 128_KiB, vm::Advice::kPopulateWrite));
  const cost::Amounts work = meter_.other({before, mm_.rss().anon()});
  EXPECT_EQ(work.of(SizedWork::kFault, Order(4)), 1U);
  EXPECT_EQ(work.of(SizedWork::kFault, kOrder0), 16U);
  EXPECT_EQ(work.of(SizedWork::kUnmap, kOrder0), 0U);
}

}  // namespace
}  // namespace quire::lab
