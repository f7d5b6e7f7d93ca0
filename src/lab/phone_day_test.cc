#include "lab/phone_day.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lab/replay.h"
#include "policy/parse.h"
#include "trace/describe.h"
#include "trace/test_recording.h"

namespace quire::lab {
namespace {

using trace::testing::TempDir;

// A phone of a fiftieth of the size: a few seconds are enough for a day.
PhoneDayOptions small_day(std::uint64_t seed = 1) {
  PhoneDayOptions options{.seed = seed, .hours = 4, .model = default_phone()};
  PhoneModel& model = options.model;
  for (PhoneApps& apps : model.apps) {
    apps.pages /= 50;
    apps.growth /= 50;
  }
  model.zygote_pages /= 50;
  model.server_pages /= 50;
  for (PhoneKind& kind : model.kinds)
    kind.mapping_pages = std::max<std::uint64_t>(kind.mapping_pages / 4, 32);
  return options;
}

ReplayResult replayed(const std::string& file, const char* policy, const char* machine) {
  auto reader = trace::Reader::open(file).value();
  ReplayOptions options{.settings = *policy::parse_policy(policy)};
  options.machine = parse_machine(machine, "test").value();
  auto result = replay(reader, options);
  EXPECT_TRUE(result.has_value()) << result.error().line();
  return result ? std::move(*result) : ReplayResult{};
}

constexpr const char* kShort = "ram=72M swap=zram:lz4:4K:96M swappiness=100";

std::int64_t large(const ReplayResult& result, stats::MthpStat stat) {
  return result.counters.get(stat, Order(4));
}

// The same seed gives the same bytes; another seed gives another day.
TEST(PhoneDay, TheSameSeedIsTheSameDay) {
  const TempDir dir;
  const auto bytes = [&](const char* name, std::uint64_t seed) {
    EXPECT_TRUE(generate_phone_day(dir.file(name), small_day(seed)).has_value());
    return trace::testing::bytes_of(dir.file(name));
  };
  const auto first = bytes("a", 1);
  EXPECT_EQ(first, bytes("b", 1));
  EXPECT_NE(first, bytes("c", 2));
}

// Apps are started, opened again and killed; samples and sizes are in the
// recording, and small pages alone take every fault it has.
TEST(PhoneDay, IsAnOrdinaryRecording) {
  const TempDir dir;
  const auto counts = generate_phone_day(dir.file("day"), small_day()).value();
  EXPECT_GT(counts.cold_starts, 10U);
  EXPECT_GT(counts.reopenings, counts.cold_starts / 2);
  auto reader = trace::Reader::open(dir.file("day")).value();
  EXPECT_EQ(reader.contents().size(), 1U);
  const auto stats = trace::describe(reader).value();
  EXPECT_FALSE(stats.damage.has_value());
  EXPECT_EQ(stats.touches.total(), counts.touches);
  EXPECT_EQ(stats.hotness.pages, counts.accessed_pages);
  const ReplayResult result = replay(reader, {.settings = small_pages_only()}).value();
  EXPECT_TRUE(result.refused == 0 && result.suppressed == 0) << result.refused << " " << result.suppressed;
}

// Large folios that go out whole and come back as single pages are lost; where they
// come back whole, more of memory is large at the end of the day.
TEST(PhoneDay, SmallSwapInLosesLargeFolios) {
  const TempDir dir;
  ASSERT_TRUE(generate_phone_day(dir.file("day"), small_day()).has_value());
  const auto single = replayed(dir.file("day"), "swap-in-single thp_anon=64K:always", kShort);
  const auto whole = replayed(dir.file("day"), "64K", kShort);
  using Stat = stats::MthpStat;
  EXPECT_GT(large(single, Stat::swpout), 0);
  EXPECT_EQ(large(single, Stat::swpin), 0);
  EXPECT_GT(large(whole, Stat::swpin), 0);
  ASSERT_TRUE(single.pressure && whole.pressure);
  EXPECT_GT(single.pressure->major_faults, whole.pressure->major_faults);
  EXPECT_GT(whole.pressure->peak_zram_memory.raw(), 0U);
}

// Of anonymous memory, the share in 64K folios at quarters of the samples.
std::vector<double> shares_of_large(const std::string& day, const char* policy) {
  auto reader = trace::Reader::open(day).value();
  ReplayOptions options{.settings = *policy::parse_policy(policy), .timeline_samples = 40};
  options.machine = parse_machine("ram=56M swap=zram:lz4:4K:96M swappiness=100", "test").value();
  const ReplayResult result = replay(reader, options).value();
  std::vector<double> shares;
  for (const double part : {0.25, 0.5, 0.75, 0.97}) {
    const auto& samples = result.timeline->samples;
    const auto& sample = samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1))];
    ByteCount all;
    for (const ByteCount bytes : sample.anon) all += bytes;
    shares.push_back(static_cast<double>(sample.anon[4].raw()) / static_cast<double>(all.raw()));
  }
  return shares;
}

// System 44: without large swap-in the share of memory in large folios falls once memory is short and
// does not come back (0.81, 0.25, 0.17, 0.17); with it, it stays more than twice as large (0.81, 0.64, 0.57,
// 0.48).
TEST(PhoneDay, TheLossGoesOneWay) {
  const TempDir dir;
  PhoneDayOptions day = small_day();
  day.hours = 16;
  ASSERT_TRUE(generate_phone_day(dir.file("day"), day).has_value());
  const auto single = shares_of_large(dir.file("day"), "swap-in-single thp_anon=64K:always");
  const auto whole = shares_of_large(dir.file("day"), "64K");
  std::string text;
  for (std::size_t i = 0; i < single.size(); ++i) text += fmt::format("{:.3f} {:.3f}, ", single[i], whole[i]);
  SCOPED_TRACE(text);
  for (std::size_t i = 1; i < single.size(); ++i) {
    EXPECT_LT(single[i], 0.4 * single.front()) << "point " << i;
    EXPECT_LT(single[i], 1.1 * single[i - 1]) << "point " << i;
    EXPECT_GT(whole[i], 2 * single[i]) << "point " << i;
  }
}

// The same recording, policy and machine end in the same state.
TEST(PhoneDay, AReplayUnderPressureIsDeterministic) {
  const TempDir dir;
  ASSERT_TRUE(generate_phone_day(dir.file("day"), small_day()).has_value());
  const auto first = replayed(dir.file("day"), "64K", kShort);
  const auto second = replayed(dir.file("day"), "64K", kShort);
  EXPECT_EQ(first.state_hash, second.state_hash);
  EXPECT_EQ(first.counters, second.counters);
}

// With zswap before a disk folios stay in memory as long as its pool takes them; Linux 6.18 brings back
// single pages, the policy beyond it whole folios as well.
TEST(PhoneDay, ZswapStandsBeforeADisk) {
  const TempDir dir;
  ASSERT_TRUE(generate_phone_day(dir.file("day"), small_day()).has_value());
  const auto large_pool = replayed(dir.file("day"), "64K", "ram=72M swap=block:96M zswap=lz4:20%");
  const auto small_pool = replayed(dir.file("day"), "64K", "ram=72M swap=block:96M zswap=lz4:1%");
  using stats::VmEvent;
  EXPECT_GT(large_pool.counters.get(VmEvent::zswpout), 0U);
  EXPECT_GT(large_pool.counters.get(VmEvent::zswpin), 0U);
  EXPECT_GT(large(large_pool, stats::MthpStat::zswpout), 0);
  EXPECT_GT(large_pool.pressure->peak_zswap_memory.raw(), 0U);
  // It looks before it takes a folio, not after.
  EXPECT_LE(small_pool.pressure->peak_zswap_memory.raw(), (72U << 20) / 100 + (128U << 10));
  EXPECT_GT(small_pool.counters.get(VmEvent::zswpwb), 0U);
  EXPECT_GT(small_pool.pressure->zswap_limit_hits, 0U);
  EXPECT_GT(small_pool.counters.get(VmEvent::pswpin), large_pool.counters.get(VmEvent::pswpin));
}

// Without a swap device a group at its limit has its processes killed, and the
// rest of the recording goes on without them.
TEST(PhoneDay, ALimitWithoutSwapKills) {
  const TempDir dir;
  ASSERT_TRUE(generate_phone_day(dir.file("day"), small_day()).has_value());
  const auto result = replayed(dir.file("day"), "4K", "ram=1G limit=40M");
  ASSERT_TRUE(result.pressure.has_value());
  EXPECT_GT(result.pressure->oom_kills, 0U);
  ASSERT_EQ(result.pressure->killed.size(), result.pressure->oom_kills);
  for (const Killed& one : result.pressure->killed) {
    EXPECT_TRUE(one.at_limit);
    EXPECT_EQ(one.points, (one.anon + one.file + one.swap + one.tables).raw());
    EXPECT_GT(one.anon, PageCount(0));
  }
  EXPECT_GT(result.pressure->left_out, 0U);
  EXPECT_LE(result.peak_resident, 48_MiB);
}

// A zram device without sizes in the recording is refused, with what to do.
TEST(PhoneDay, ZramNeedsSizes) {
  const TempDir dir;
  trace::testing::write_recording(dir.file("r"), trace::testing::full_header(), trace::testing::small_run(),
                                  trace::testing::full_summary());
  auto reader = trace::Reader::open(dir.file("r")).value();
  ReplayOptions options{.settings = small_pages_only()};
  options.machine = parse_machine(kShort, "test").value();
  const auto result = replay(reader, options);
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().line().find("--contents-statistics"), std::string::npos);
}

}  // namespace
}  // namespace quire::lab
