#include "top/frame_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "top/testing_frame.h"

namespace quire::top {
namespace {

// Numbers are numbers, what is not known is null with a reason.
TEST(TopJson, KnownAndUnknown) {
  const auto json = frame_json(testing::frame(), {});
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["tier"], "frames");
  EXPECT_EQ(json["elapsed_seconds"], 2.0);
  EXPECT_EQ(json["processes"][0]["pid"], 20);
  EXPECT_EQ(json["processes"][0]["folios"]["anon_bytes"]["2048kB"], (400_MiB).raw());
  EXPECT_EQ(json["processes"][0]["folios"]["waste_bytes"], (16_MiB).raw());
  EXPECT_EQ(json["processes"][0]["folios"]["age_seconds"], 3.0);
  EXPECT_TRUE(json["processes"][2]["folios"].is_null());
  EXPECT_EQ(json["processes"][2]["no_folios"], "not read yet");
  EXPECT_TRUE(json["processes"][2]["cpu_share"].is_null());
}

// Rates of events; of what is a number of folios there is none.
TEST(TopJson, Sizes) {
  const auto json = frame_json(testing::frame(), {});
  const auto& size = json["sizes"].back();
  EXPECT_EQ(size["size_bytes"], kPmdSize);
  EXPECT_EQ(size["rule"], "madvise");
  EXPECT_EQ(size["counters"]["anon_fault_alloc"], 500);
  EXPECT_EQ(size["per_second"]["anon_fault_alloc"], 50.0);
  EXPECT_FALSE(size["per_second"].contains("nr_anon"));
}

// The first reading has no rates; the smaps tier no sizes.
TEST(TopJson, FirstReadingOfTheLowerTier) {
  Frame frame = testing::frame();
  frame.before = frame.now;
  frame.tier = Tier::kSmaps;
  frame.lost = "no page frames";
  const auto json = frame_json(frame, {});
  EXPECT_TRUE(json["elapsed_seconds"].is_null());
  EXPECT_TRUE(json["sizes"][0]["per_second"]["split"].is_null());
  EXPECT_TRUE(json["processes"][0]["folios"]["anon_bytes"].is_null());
  EXPECT_EQ(json["notes"][0], "no page frames");
}

// Names are escaped, and the view chooses.
TEST(TopJson, NamesAndChoice) {
  Frame frame = testing::frame();
  frame.processes[2].stat.name = "x\x1b";
  const auto json = frame_json(frame, {.filter = "x"});
  ASSERT_EQ(json["processes"].size(), 1U);
  EXPECT_EQ(json["processes"][0]["name"], "x\\x1b");
}

}  // namespace
}  // namespace quire::top
