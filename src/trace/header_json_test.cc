#include "trace/header_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "trace/test_recording.h"
#include "trace/utf8.h"

namespace quire::trace {
namespace {

using namespace testing;
using nlohmann::json;

// Every member comes back, also bytes that are not UTF-8: their length shifts
// the stack of the replayed program.
TEST(HeaderJson, EveryMemberComesBack) {
  EXPECT_EQ(decode_header(encode_header(full_header())), full_header());
  EXPECT_EQ(decode_summary(encode_summary(full_summary())), full_summary());
  EXPECT_EQ(decode_gate(encode_gate(full_gate())), full_gate());
  EXPECT_EQ(decode_header(encode_header(Header{})), Header{});
}

// A member added by a later version does no harm.
TEST(HeaderJson, UnknownMembersAreSkipped) {
  json later = json::parse(encode_header(full_header()));
  later["colour"] = {{"of", "money"}};
  EXPECT_EQ(decode_header(later.dump()), full_header());
}

// Each member is required, and its absence is named; but not what recordings of
// before could not have.
TEST(HeaderJson, MissingMembersAreNamed) {
  const json whole = json::parse(encode_header(full_header()));
  for (const auto& [name, value] : whole.items()) {
    json less = whole;
    less.erase(name);
    const auto header = decode_header(less.dump());
    if (name == "imported_from") {
      ASSERT_TRUE(header.has_value()) << header.error();
      EXPECT_EQ(header->imported_from, "");
      continue;
    }
    ASSERT_FALSE(header.has_value()) << name;
    EXPECT_NE(header.error().find("\"" + name + "\""), std::string::npos) << header.error();
  }
}

// A member of the wrong type is as good as missing.
TEST(HeaderJson, WrongTypesAreNamed) {
  const json whole = json::parse(encode_summary(full_summary()));
  for (const auto& [name, value] : whole.items()) {
    json other = whole;
    other[name] = json::array({1.5});
    const auto summary = decode_summary(other.dump());
    ASSERT_FALSE(summary.has_value()) << name;
    EXPECT_NE(summary.error().find(name), std::string::npos);
  }
}

// Numbers that do not fit their member are refused, not cut to size.
TEST(HeaderJson, NumbersMustFit) {
  json summary = json::parse(encode_summary(full_summary()));
  for (const char* value : {"2147483648", "-2147483649", "18446744073709551615", "1e3"}) {
    summary["exit_status"] = json::parse(value);
    EXPECT_FALSE(decode_summary(summary.dump()).has_value()) << value;
  }
  summary["exit_status"] = -1;
  EXPECT_EQ(decode_summary(summary.dump())->exit_status, -1);
  summary["min_flt"] = -1;
  EXPECT_FALSE(decode_summary(summary.dump()).has_value());
}

// Depth and number of values are bounded before anything is built.
TEST(HeaderJson, DepthAndAmountAreBounded) {
  EXPECT_FALSE(decode_header(std::string(1'000'000, '[')).has_value());
  EXPECT_FALSE(decode_header("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}").has_value());
  std::string many = "{\"a\":[1";
  for (int i = 0; i < 2'000'000; ++i) many += ",1";
  EXPECT_FALSE(decode_header(many + "]}").has_value());
}

// Text that is not JSON, or JSON that is not an object.
TEST(HeaderJson, OnlyObjectsAreHeaders) {
  for (const char* text : {"", "{", "[]", "null", "{}x", "\xff"})
    EXPECT_FALSE(decode_header(text).has_value()) << text;
}

// Strictly UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
TEST(Utf8, IsStrict) {
  for (const char* good : {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace quire::trace
