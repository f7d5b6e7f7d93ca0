#include "live/memory_use.h"

#include <gtest/gtest.h>

namespace quire::live {
namespace {

TEST(MemoryUse, MeminfoUnderItsNames) {
  const MemInfo memory =
      parse_meminfo("MemTotal:       1024 kB\nHugePages_Total:       3\nAnonPages: 8 kB\n");
  EXPECT_EQ(memory, (MemInfo{{"MemTotal", 1_MiB}, {"AnonPages", 8_KiB}}));
  EXPECT_EQ(bytes_of(memory, "Zswap"), ByteCount());
}

// Zones add up; what is larger than a PMD counts as blocks of its size.
TEST(MemoryUse, FreeBlocksOfAllZones) {
  const FreeBlocks free = parse_buddyinfo(
      "Node 0, zone      DMA      1      0      2      0      0      0      0      0      0      3      4\n"
      "Node 0, zone   Normal      5      0      0      0      0      0      0      0      0      0      0\n");
  EXPECT_EQ(free.at(kOrder0), ByteCount(6 * kPageSize));
  EXPECT_EQ(free.at(Order(2)), ByteCount(2 * Order(2).bytes().raw()));
  EXPECT_EQ(free.at(Order(9)), ByteCount(3 * Order(9).bytes().raw() + 4 * Order(10).bytes().raw()));
}

TEST(MemoryUse, AnythingElseIsEmpty) {
  EXPECT_TRUE(parse_meminfo("no\n: kB\n").empty());
  EXPECT_TRUE(parse_buddyinfo("Node 0\nzone\n").empty());
  EXPECT_TRUE(read_meminfo("/nowhere").empty());
}

TEST(MemoryUse, OfThisHost) {
  EXPECT_GT(bytes_of(read_meminfo(), "MemTotal"), 16_MiB);
  EXPECT_FALSE(read_buddyinfo().empty());
}

}  // namespace
}  // namespace quire::live
