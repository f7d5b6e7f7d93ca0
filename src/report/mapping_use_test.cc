#include "report/mapping_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace quire::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

lab::MemoryUse use_of(std::size_t mappings) {
  lab::MemoryUse use{.largest = Order(4), .mappings = {}};
  for (std::size_t i = 0; i < mappings; ++i) {
    lab::MappingUse m{
        .process = "py\x1b[31m", .name = "[heap]", .range = {VirtAddr(0x1000), VirtAddr(0x21000)}};
    m.resident = 128_KiB;
    m.huge = 64_KiB;
    m.zero_filled = 12_KiB;
    m.why(vm::NotHuge::kTooShort) = 20_KiB;
    m.why(vm::NotHuge::kPopulated) = 44_KiB;
    use.mappings.push_back(std::move(m));
  }
  return use;
}

// The reasons stand below the mapping, that of most memory first; what is none is
// a dash; names cannot colour the terminal.
TEST(MappingUseText, SaysWhyBelowEachMapping) {
  const std::string text = mapping_use_text(use_of(1), "64K");
  EXPECT_THAT(text, HasSubstr("64K: 128.0 KiB at the peak"));
  EXPECT_THAT(text, HasSubstr("in 64K"));
  EXPECT_THAT(text, HasSubstr("else: 44.0 KiB block already populated; 20.0 KiB mapping too short"));
  EXPECT_THAT(text, HasSubstr(" - "));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

// However many mappings there are, the first screen stays one, and the rest is counted.
TEST(MappingUseText, SumsUpTheRest) {
  const std::string text = mapping_use_text(use_of(11), "64K");
  EXPECT_THAT(text, HasSubstr("3 more, together 384.0 KiB"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 78U) << line;
}

// Programs get every mapping, with the reasons there are by name.
TEST(MappingUseJson, HasEveryMappingAndReason) {
  const auto json = mapping_use_json(use_of(11));
  ASSERT_EQ(json.size(), 11U);
  EXPECT_EQ(json[10]["not_huge"], (nlohmann::ordered_json{{"too_short", 20480}, {"populated", 45056}}));
  EXPECT_EQ(json[0]["resident_bytes"], 131072);
  EXPECT_EQ(json[0]["bytes"], 131072);
}

}  // namespace
}  // namespace quire::report
