#include "lab/fault_races.h"

#include <gtest/gtest.h>

namespace quire::lab {
namespace {

constexpr VirtRange kFolio{VirtAddr(0x10000), VirtAddr(0x20000)};  // 64 KiB: its fault takes 9 us

// Another thread's touch of the folio counts while the fault lasts, no longer, and nowhere else.
TEST(FaultRaces, LastAsLongAsTheFault) {
  EXPECT_EQ(fault_time_us(PageCount(16)), 9U);
  const auto loses = [](trace::MmId mm, trace::TaskId task, std::uint64_t addr, std::uint64_t now) {
    FaultRaces races;
    races.served(1, 1, kFolio, 100);
    return races.loses(mm, task, VirtAddr(addr), now);
  };
  EXPECT_TRUE(loses(1, 2, 0x1f000, 100));
  EXPECT_TRUE(loses(1, 2, 0x10000, 108));
  EXPECT_FALSE(loses(1, 2, 0x10000, 109));
  EXPECT_FALSE(loses(1, 2, 0x20000, 100));
  EXPECT_FALSE(loses(2, 2, 0x10000, 100)) << "another address space";
  EXPECT_FALSE(loses(1, 1, 0x10000, 100)) << "a thread does not race with itself";
}

// A loser waits in its fault: the next page it touched while recording, it
// touches when the folio is there.
TEST(FaultRaces, LosesOnceAFault) {
  FaultRaces races;
  races.served(1, 1, kFolio, 100);
  EXPECT_TRUE(races.loses(1, 2, VirtAddr(0x11000), 102));
  EXPECT_FALSE(races.loses(1, 2, VirtAddr(0x12000), 105));
  EXPECT_TRUE(races.loses(1, 3, VirtAddr(0x12000), 105));
  EXPECT_FALSE(races.loses(1, 4, VirtAddr(0x12000), 109)) << "the losers do not make it last longer";
}

// A thread is in one fault at a time, and in none once it does something else.
TEST(FaultRaces, OneFaultAThread) {
  FaultRaces races;
  races.served(1, 1, kFolio, 100);
  races.served(1, 1, {VirtAddr(0x40000), VirtAddr(0x41000)}, 101);
  EXPECT_FALSE(races.loses(1, 2, VirtAddr(0x10000), 102));
  EXPECT_TRUE(races.loses(1, 2, VirtAddr(0x40000), 102));
  races.over(1);
  races.over(2);
  EXPECT_FALSE(races.loses(1, 3, VirtAddr(0x40000), 102));
}

// Only address spaces of several tasks are watched: the others pay nothing.
TEST(FaultRaces, WatchesSharedAddressSpaces) {
  FaultRaces races;
  EXPECT_FALSE(races.watches(7));
  races.shares(7);
  EXPECT_TRUE(races.watches(7));
  EXPECT_FALSE(races.watches(8));
}

}  // namespace
}  // namespace quire::lab
