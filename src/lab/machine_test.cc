#include "lab/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::lab {
namespace {

using testing::HasSubstr;

Machine parsed(const char* text) { return parse_machine(text, "test").value(); }
std::string refusal(const char* text) {
  const auto machine = parse_machine(text, "test");
  return machine ? "" : machine.error().line();
}

// Every word means what it says, in any order.
TEST(MachineText, EveryWordIsRead) {
  const Machine machine = parsed(
      "swap=zram:zstd:64K:4G limit=512M  ram=4G lru=mglru swappiness=100 "
      "fragmentation=0.61");
  EXPECT_EQ(machine.ram, 4_GiB);
  EXPECT_EQ(machine.limit, 512_MiB);
  EXPECT_EQ(machine.reclaim.lru, reclaim::LruKind::kGenerations);
  EXPECT_EQ(machine.reclaim.swappiness, 100U);
  EXPECT_EQ(machine.fragmentation.chance, 0.61);
  ASSERT_TRUE(machine.swap.has_value());
  EXPECT_EQ(machine.swap->kind, SwapSpec::Kind::kZram);
  EXPECT_EQ(machine.swap->codec, trace::ContentsCodec::kZstd);
  EXPECT_EQ(machine.swap->unit_bytes, 65536U);
  EXPECT_EQ(machine.swap->size, 4_GiB);
}

// Memory alone is a machine that never gets short of it.
TEST(MachineText, MemoryAloneHasNoPressure) {
  EXPECT_FALSE(parsed("ram=24G").has_pressure());
  EXPECT_TRUE(parsed("ram=24G swap=block:1G").has_pressure());
  EXPECT_TRUE(parsed("ram=24G limit=1G").has_pressure());
  EXPECT_EQ(parsed("ram=24G swap=file:1G").swap->kind, SwapSpec::Kind::kFile);
}

// zswap stands before a device, with its options in any order.
TEST(MachineText, ZswapStandsBeforeADevice) {
  const Machine plain = parsed("zswap=zstd:20% ram=4G swap=block:4G");
  EXPECT_EQ(plain.zswap, (ZswapSpec{trace::ContentsCodec::kZstd, 20}));
  EXPECT_EQ(plain.swap->kind, SwapSpec::Kind::kBlock);
  EXPECT_EQ(parsed("ram=4G swap=zram:lz4:4K:4G zswap=lz4:100%:shrinker:whole-folios").zswap,
            (ZswapSpec{trace::ContentsCodec::kLz4, 100, true, true}));
  EXPECT_THAT(refusal("ram=4G zswap=zstd:20%"), HasSubstr("add swap=block:4G"));
  EXPECT_THAT(refusal("ram=4G swap=zswap:zstd:1G"), HasSubstr("swap=block:4G zswap=zstd:20%"));
  EXPECT_THAT(refusal("ram=4G swap=block:4G zswap=zst:20%"), HasSubstr("did you mean zstd?"));
  EXPECT_THAT(refusal("ram=4G swap=block:4G zswap=zstd:20%:whole-folio"),
              HasSubstr("did you mean whole-folios?"));
  EXPECT_THAT(refusal("ram=4G swap=block:4G zswp=zstd:20%"), HasSubstr("did you mean zswap?"));
  for (const char* wrong :
       {"zstd", "zstd:20", "zstd:0%", "zstd:101%", "zstd:x%", "zstd:20%:shrinker:shrinker"})
    EXPECT_NE(refusal((std::string("ram=4G swap=block:4G zswap=") + wrong).c_str()), "") << wrong;
}

// A near miss is named with what was meant.
TEST(MachineText, NearMissesAreNamed) {
  EXPECT_THAT(refusal("rma=4G"), HasSubstr("ram"));
  EXPECT_THAT(refusal("ram=4G lru=clasic"), HasSubstr("classic"));
  EXPECT_THAT(refusal("ram=4G swap=zrma:lz4:4K:1G"), HasSubstr("zram"));
  EXPECT_THAT(refusal("ram=4G swap=zram:lz5:4K:1G"), HasSubstr("lz4"));
  EXPECT_THAT(refusal("ram=4G swap=zram:lz4:8K:1G"), HasSubstr("16K"));
}

// What is no machine is refused, and so is what cannot be replayed.
TEST(MachineText, WhatIsNoMachineIsRefused) {
  for (const char* text :
       {"", "swap=block:1G", "ram=", "ram=12", "ram=4G ram=4G", "ram=4G limit=8G", "ram=4G swappiness=201",
        "ram=4G swappiness=x", "ram=4G fragmentation=1", "ram=4G fragmentation=-0.1",
        "ram=4G swap=zram:lz4:4G", "ram=4G swap=block", "ram=4G swap=zswap:lz4:1G", "ram"})
    EXPECT_NE(refusal(text), "") << text;
}

}  // namespace
}  // namespace quire::lab
