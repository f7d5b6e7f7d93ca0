#include "lab/own_advice.h"

#include <gtest/gtest.h>

#include "kernel/kernel.h"
#include "policy/parse.h"
#include "vm/madvise.h"
#include "vm/syscalls.h"

namespace quire::lab {
namespace {

constexpr VirtAddr kHeap{0x555555559000};

struct Machine {
  std::unique_ptr<kernel::Kernel> kernel =
      std::move(*kernel::Kernel::create({.ram = 64_MiB}, *policy::parse_policy("linux-6.18")));
  vm::AddressSpace& mm = kernel->create_address_space();
  Machine() { mm.start_brk = mm.brk = kHeap; }

  [[nodiscard]] bool advised(VirtAddr at) const {
    const vm::Vma* const vma = mm.mappings().find(at);
    return vma != nullptr && vma->flags.has(vm::VmFlag::kHugePage);
  }
  VirtAddr move_break(const OwnAdvisor& advisor, VirtAddr wanted) {
    const VirtAddr from = mm.brk;
    EXPECT_EQ(vm::brk(mm, advisor.break_for(mm, wanted)).addr, mm.brk);
    static_cast<void>(advisor.break_moved(mm, from));
    return mm.brk;
  }
};

// What strace shows of glibc 2.36: whole blocks first from wherever the heap begins, then up to
// a block's end; only what grew by a block is advised; the heap shrinks by blocks as well.
TEST(OwnAdvice, HeapAsGlibc) {
  Machine m;
  const OwnAdvisor glibc({.say = OwnAdvice::Say::kHugepage, .heap = OwnAdvice::Heap::kAsGlibc});
  EXPECT_EQ(m.move_break(glibc, kHeap + 132_KiB), kHeap + 2_MiB);
  EXPECT_TRUE(m.advised(kHeap));
  const VirtAddr block = (kHeap + 2_MiB).align_up(kOrderPmd);
  EXPECT_EQ(m.move_break(glibc, kHeap + 2_MiB + 132_KiB), block);
  EXPECT_FALSE(m.advised(block - 4_KiB));
  EXPECT_EQ(m.move_break(glibc, block + 4_KiB), block + 2_MiB);
  EXPECT_TRUE(m.advised(block));
  EXPECT_EQ(m.move_break(glibc, block + 8_KiB), block + 2_MiB) << "there is room already";
  EXPECT_EQ(m.move_break(glibc, block - 4_KiB), block);
}

// A program that advises its heap itself moves the break where it always did.
TEST(OwnAdvice, HeapOfTheProgram) {
  Machine m;
  const OwnAdvisor own({.say = OwnAdvice::Say::kHugepage, .heap = OwnAdvice::Heap::kYes});
  EXPECT_EQ(m.move_break(own, kHeap + 132_KiB), kHeap + 132_KiB);
  EXPECT_TRUE(m.advised(kHeap));
}

// Only mappings that are long enough and may be written to are advised.
TEST(OwnAdvice, LongMappings) {
  Machine m;
  const OwnAdvisor own({.say = OwnAdvice::Say::kHugepage, .mappings_from = 2_MiB});
  const auto map = [&](VirtAddr at, ByteCount length, int prot) {
    EXPECT_TRUE(
        vm::mmap(m.mm, {.addr = at,
                        .length = length,
                        .prot = prot,
                        .flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous | vm::MapFlags::kFixed,
                        .file = {}}));
    own.mapped(m.mm, {at, at + length});
    return m.advised(at);
  };
  constexpr int kReadWrite = vm::Prot::kRead | vm::Prot::kWrite;
  EXPECT_TRUE(map(VirtAddr(0x10000000), 2_MiB, kReadWrite));
  EXPECT_FALSE(map(VirtAddr(0x20000000), 2_MiB - 4_KiB, kReadWrite));
  EXPECT_FALSE(map(VirtAddr(0x30000000), 2_MiB, vm::Prot::kRead));
}

// Memory that is to be there at once is there before anybody touches it, as far as it is whole 2 MiB, and its
// faults are told.
TEST(OwnAdvice, PopulatesWhatBecomesWritable) {
  Machine m;
  const OwnAdvisor own({.say = OwnAdvice::Say::kPopulate, .mappings_from = 4_KiB});
  const VirtRange range{VirtAddr(0x10000000), VirtAddr(0x10000000) + 2_MiB + 64_KiB};
  const auto done =
      vm::mmap(m.mm, {.addr = range.begin,
                      .length = range.size(),
                      .prot = 0,
                      .flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous | vm::MapFlags::kFixed,
                      .file = {}});
  ASSERT_TRUE(done);
  EXPECT_EQ(own.mapped(m.mm, range).faults, 0U);
  ASSERT_TRUE(vm::mprotect(m.mm, range.begin, range.size(), vm::Prot::kRead | vm::Prot::kWrite));
  EXPECT_EQ(own.protection_changed(m.mm, range).faults, kPagesPerPmd);
  EXPECT_EQ(m.mm.rss().anon(), PageCount(kPagesPerPmd));
}

// After a fork the side that was asked for has its blocks of 2 MiB back.
TEST(OwnAdvice, CollapsesAfterAFork) {
  Machine m;
  const VirtRange range{VirtAddr(0x10000000), VirtAddr(0x10000000) + 2_MiB};
  const auto done =
      vm::mmap(m.mm, {.addr = range.begin,
                      .length = range.size(),
                      .prot = vm::Prot::kRead | vm::Prot::kWrite,
                      .flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous | vm::MapFlags::kFixed,
                      .file = {}});
  ASSERT_TRUE(done);
  ASSERT_TRUE(vm::madvise(m.mm, range.begin, range.size(), vm::Advice::kPopulateWrite));
  const auto child = m.kernel->fork(m.mm);
  ASSERT_TRUE(child);
  const OwnAdvisor own({.after_fork = OwnAdvice::AfterFork::kChildCollapses});
  ASSERT_EQ(own.collapses(m.mm, **child), *child);
  OwnAdvisor::collapse_all(**child);
  EXPECT_EQ(m.kernel->system().counters.get(stats::VmEvent::thp_collapse_alloc), 1U);
}

}  // namespace
}  // namespace quire::lab
