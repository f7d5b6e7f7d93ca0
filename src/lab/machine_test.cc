#include "lab/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lab/machine_setup.h"
#include "policy/parse.h"

namespace quire::lab {
namespace {

using compress::Algorithm;
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
  ASSERT_EQ(machine.swap.size(), 1U);
  EXPECT_EQ(machine.swap[0].kind, SwapSpec::Kind::kZram);
  EXPECT_EQ(machine.swap[0].algorithm, Algorithm::kZstd);
  EXPECT_EQ(machine.swap[0].unit_bytes, 65536U);
  EXPECT_EQ(machine.swap[0].size, 4_GiB);
}

// Memory alone is a machine that never gets short of it.
TEST(MachineText, MemoryAloneHasNoPressure) {
  EXPECT_FALSE(parsed("ram=24G").has_pressure());
  EXPECT_TRUE(parsed("ram=24G swap=block:1G").has_pressure());
  EXPECT_TRUE(parsed("ram=24G limit=1G").has_pressure());
  EXPECT_EQ(parsed("ram=24G swap=file:1G").swap.at(0).kind, SwapSpec::Kind::kFile);
}

// zswap stands before a device, with its options in any order.
TEST(MachineText, ZswapStandsBeforeADevice) {
  const Machine plain = parsed("zswap=zstd:20% ram=4G swap=block:4G");
  EXPECT_EQ(plain.zswap, (ZswapSpec{Algorithm::kZstd, 20}));
  EXPECT_EQ(plain.swap.at(0).kind, SwapSpec::Kind::kBlock);
  EXPECT_EQ(parsed("ram=4G swap=zram:lz4:4K:4G zswap=lz4:100%:shrinker:whole-folios").zswap,
            (ZswapSpec{Algorithm::kLz4, 100, true, true}));
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

// Several devices, in lists or one by one, each with options of its kind in any order.
TEST(MachineText, SwapDevicesHaveOptions) {
  const Machine machine = parsed(
      "ram=4G swap=zram:lzo-rle:16K:2G:priority=100:threads=2:mem_limit=1G,disk:8G:discard "
      "swap=block:1G:priority=0:discard swap=file:1G zswap=lzo:20%");
  using Kind = SwapSpec::Kind;
  ASSERT_EQ(machine.swap.size(), 4U);
  EXPECT_EQ(machine.swap[0], (SwapSpec{.kind = Kind::kZram,
                                       .size = 2_GiB,
                                       .algorithm = Algorithm::kLzoRle,
                                       .unit_bytes = 16384,
                                       .threads = 2,
                                       .mem_limit = 1_GiB,
                                       .priority = 100}));
  EXPECT_EQ(machine.swap[1], (SwapSpec{.kind = Kind::kDisk, .size = 8_GiB, .discards = true}));
  EXPECT_EQ(machine.swap[2],
            (SwapSpec{.kind = Kind::kBlock, .size = 1_GiB, .discards = true, .priority = 0}));
  EXPECT_EQ(machine.swap[3], (SwapSpec{.kind = Kind::kFile, .size = 1_GiB}));
  EXPECT_EQ(machine.zswap->algorithm, Algorithm::kLzo);
}

// What a device cannot be is said in one line, with what was meant or what can be.
TEST(MachineText, WrongOptionsOfDevicesAreNamed) {
  const auto why = [](const std::string& swap) { return refusal(("ram=4G swap=" + swap).c_str()); };
  EXPECT_THAT(why("zram:lz4:4K:1G:thread=2"), HasSubstr("did you mean threads?"));
  EXPECT_THAT(why("zram:lz4:4K:1G:threads=0"), HasSubstr("not from 1 to 256"));
  EXPECT_THAT(why("zram:lz4:4K:1G:threads"), HasSubstr("threads says nothing"));
  EXPECT_THAT(why("zram:lz4:4K:1G:mem_limit=1"), HasSubstr("no size of 1M or more"));
  EXPECT_THAT(why("zram:lz4:4K:1G:discard"), HasSubstr("no option of zram"));
  EXPECT_THAT(why("block:1G:threads=2"), HasSubstr("no option of block: there are discard, priority"));
  EXPECT_THAT(why("disk:1G:discard=1"), HasSubstr("discard takes no value"));
  EXPECT_THAT(why("disk:1G:discard:discard"), HasSubstr("discard is said twice of disk"));
  EXPECT_THAT(why("disk:1G:priority=32768"), HasSubstr("not from 0 to 32767"));
  EXPECT_THAT(why("disk:1G:priority=-1"), HasSubstr("not from 0 to 32767"));
  EXPECT_THAT(why("block:1G,"), HasSubstr("kind of swap"));
  EXPECT_THAT(why("dsk:1G"), HasSubstr("did you mean disk?"));
  std::string many = "block:1G";
  for (int n = 1; n < 30; ++n) many += ",block:1G";
  EXPECT_THAT(why(many), HasSubstr("30 swap devices are too many"));
}

// Devices are switched on in the order they are written, with their priorities, traits and limits; each zram
// is one, and lzo takes the sizes that were measured of lz4.
TEST(MachineSetup, DevicesAreWhatTheTextSays) {
  std::vector<trace::ContentsSample> contents(1);
  trace::MappingContents& mapping = contents[0].mappings.emplace_back();
  for (const trace::ContentsCodec codec : trace::kContentsCodecs)
    for (std::size_t unit = 0; unit < trace::kContentsUnits.size(); ++unit) {
      trace::UnitSizes& sizes = mapping.of(codec, unit);
      sizes.units = 10;
      sizes.sixteenths[codec == trace::ContentsCodec::kLz4 ? 7 : 3] = 10;
    }
  const auto built = build_machine(
      parsed("ram=64M swap=zram:lzo:4K:16M:mem_limit=1M,disk:16M:discard:priority=7 swap=zram:zstd:4K:8M"),
      *policy::parse_policy("never"), contents);
  ASSERT_TRUE(built.has_value()) << built.error().line();
  swap::SwapSpace& space = built->kernel->system().swap;
  ASSERT_EQ(built->zrams.size(), 2U);
  EXPECT_EQ(built->zrams[0]->options().algorithm, Algorithm::kLzo);
  EXPECT_EQ(built->zrams[0]->options().mem_limit, 1_MiB);
  EXPECT_EQ(built->zrams[1]->name(), "zram1");
  EXPECT_TRUE(space.traits(1).rotational);
  EXPECT_TRUE(space.traits(1).discards);
  EXPECT_EQ(space.report(1).priority, 7);
  EXPECT_LT(space.report(2).priority, space.report(0).priority);
  for (const std::uint8_t device : {std::uint8_t{0}, std::uint8_t{2}})
    ASSERT_TRUE(space.backend(device).write(1, {nullptr, PageCount(1)}));
  EXPECT_EQ(built->zrams[0]->stats().compr_data_size, ByteCount(kPageSize / 2));
  EXPECT_EQ(built->zrams[1]->stats().compr_data_size, ByteCount(kPageSize / 4));
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
