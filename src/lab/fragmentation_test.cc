#include "lab/fragmentation.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "lab/replay.h"
#include "policy/parse.h"
#include "trace/test_recording.h"

namespace quire::lab {
namespace {

std::string shipped_recording() { return QUIRE_SOURCE_DIR "/traces/python-dict.quire"; }

ReplayResult replayed(const char* words, Fragmentation how) {
  auto reader = trace::Reader::open(shipped_recording());
  EXPECT_TRUE(reader);
  Machine machine;
  machine.ram = 4_GiB;
  machine.fragmentation = how;
  auto result = replay(*reader, {.settings = *policy::parse_policy(words), .machine = machine});
  EXPECT_TRUE(result);
  return *result;
}

std::uint64_t fell_back(const ReplayResult& result, Order order) {
  return static_cast<std::uint64_t>(result.counters.get(stats::MthpStat::anon_fault_fallback, order));
}

// Of the folios of 64 KiB that faults ask for as many fail as is said, and count
// as fallbacks; each that fails is made of more faults.
TEST(Fragmentation, FailsAsOftenAsIsSaid) {
  const ReplayResult whole = replayed("64K", {});
  const ReplayResult pieces = replayed("64K", {.chance = 0.6});
  EXPECT_EQ(fell_back(whole, Order(4)), 0U);
  const double failed = static_cast<double>(fell_back(pieces, Order(4)));
  const double got = static_cast<double>(pieces.folios[4]);
  EXPECT_NEAR(failed / (failed + got), 0.6, 0.05);
  EXPECT_GT(pieces.minor_faults, whole.minor_faults);
}

// The same seed fails the same allocations; another fails others.
TEST(Fragmentation, IsDeterministicBySeed) {
  const ReplayResult one = replayed("16K+64K", {.chance = 0.3, .seed = 7});
  EXPECT_EQ(one.state_hash, replayed("16K+64K", {.chance = 0.3, .seed = 7}).state_hash);
  EXPECT_NE(one.state_hash, replayed("16K+64K", {.chance = 0.3, .seed = 8}).state_hash);
}

// Single pages are always there: small pages only do not notice.
TEST(Fragmentation, LeavesSinglePages) {
  EXPECT_EQ(replayed("4K", {.chance = kMostFragmented}).state_hash, replayed("4K", {}).state_hash);
}

}  // namespace
}  // namespace quire::lab
