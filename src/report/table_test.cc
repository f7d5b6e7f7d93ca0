#include "report/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quire::report {
namespace {

using testing::HasSubstr;
using testing::Not;

Sheet sheet(std::uint64_t faults, std::uint64_t folios, std::uint64_t bytes) {
  return {{"minor faults", "/minor_faults", faults},
          {"folios 64kB", "/folios/64kB", folios, Unit::kCount, Show::kUnlessZero},
          {"peak", "/peak_bytes", bytes, Unit::kBytes},
          {"hash", "/hash", std::string("00ff"), Unit::kText, Show::kJsonOnly}};
}

// Numbers are grouped by thousands, sizes scaled, and all stand right-aligned.
TEST(Table, AlignsColumns) {
  EXPECT_EQ(table_of({{"4K", sheet(1234567, 0, 1536)}, {"64K", sheet(999, 1000, 2 << 20)}}),
            "                     4K      64K\n"
            "minor faults  1,234,567      999\n"
            "folios 64kB           0    1,000\n"
            "peak            1.5 KiB  2.0 MiB\n");
}

// A row that is zero everywhere and may be left out is left out.
TEST(Table, LeavesOutRowsOfZeroes) {
  EXPECT_THAT(table_of({{"4K", sheet(1, 0, 1)}, {"2M", sheet(1, 0, 1)}}), Not(HasSubstr("folios")));
}

// A policy too long for a heading gets a number and a line of its own.
TEST(Table, MovesLongHeadingsBelow) {
  const std::string policy = "thp_anon=16K-64K:always;128K:inherit";
  const std::string text = table_of({{policy, sheet(1, 1, 1)}});
  EXPECT_THAT(text, HasSubstr("[1]\n"));
  EXPECT_THAT(text, testing::EndsWith("[1] " + policy + "\n"));
}

// No columns, no table.
TEST(Table, IsEmptyWithoutColumns) { EXPECT_EQ(table_of({}), ""); }

// JSON holds every figure at its place, as plain numbers, whatever a table shows.
TEST(Figures, BecomeJson) {
  EXPECT_EQ(json_of(sheet(1234567, 0, 1536)).dump(),
            R"({"minor_faults":1234567,"folios":{"64kB":0},"peak_bytes":1536,"hash":"00ff"})");
}

// A difference carries its sign, in every unit, down to the smallest number.
TEST(Figures, SignDifferences) {
  const auto text = [](std::int64_t value, Unit unit) { return text_of({"", "/x", value, unit}); };
  EXPECT_EQ(text(-1234, Unit::kCount), "-1,234");
  EXPECT_EQ(text(7, Unit::kCount), "+7");
  EXPECT_EQ(text(0, Unit::kBytes), "0");
  EXPECT_EQ(text(-2048, Unit::kBytes), "-2.0 KiB");
  EXPECT_EQ(text(INT64_MIN, Unit::kCount), "-9,223,372,036,854,775,808");
}

// Times choose their unit.
TEST(Figures, ScaleTimes) {
  const auto text = [](std::uint64_t ns) { return text_of({"", "/x", ns, Unit::kNanoseconds}); };
  EXPECT_EQ(text(1500), "1.5 us");
  EXPECT_EQ(text(2'500'000), "2.5 ms");
  EXPECT_EQ(text(12'340'000'000), "12.34 s");
}

}  // namespace
}  // namespace quire::report
