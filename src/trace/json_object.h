// trace/json_object.h - one JSON object from a recording, read with
// suspicion: bounded before it is built, every member checked for its type.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quire/result.h"

namespace quire::trace {

// Text as JSON. Arguments, environment and names of files are bytes, not
// characters, and their length matters: what is not UTF-8 becomes an object
// {"hex": "ff..."}.
[[nodiscard]] nlohmann::ordered_json json_text(std::string_view text);
[[nodiscard]] nlohmann::ordered_json json_texts(const std::vector<std::string>& texts);

// Reads members by name. The first that is missing or of the wrong type is
// remembered in error(); what is read from then on is empty.
class JsonObject {
 public:
  // At most this deep and this many values: far beyond any real header.
  static constexpr unsigned kMaxDepth = 8;
  static constexpr std::size_t kMaxValues = 2'000'000;

  [[nodiscard]] static Result<JsonObject, std::string> parse(std::string_view json);

  template <std::integral Int>
  [[nodiscard]] Int number(const char* name) {
    const auto [negative, positive] = read_integer(name);
    const bool fits = negative < 0 ? std::in_range<Int>(negative) : std::in_range<Int>(positive);
    if (!fits) {
      wrong(name);
      return 0;
    }
    return negative < 0 ? static_cast<Int>(negative) : static_cast<Int>(positive);
  }
  // Whether there is such a member: recordings of before lack what came later.
  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
  [[nodiscard]] bool flag(const char* name);
  [[nodiscard]] std::string text(const char* name);
  [[nodiscard]] std::vector<std::string> texts(const char* name);
  [[nodiscard]] std::map<std::string, std::string> text_map(const char* name);
  [[nodiscard]] std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> pair_map(const char* name);

  // Says that member `name` does not hold what it should.
  void wrong(const char* name);
  // Empty while all went well.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  explicit JsonObject(nlohmann::json object) : object_(std::move(object)) {}
  // A negative number in the first place, any other in the second.
  [[nodiscard]] std::pair<std::int64_t, std::uint64_t> read_integer(const char* name);
  [[nodiscard]] const nlohmann::json* member(const char* name);
  [[nodiscard]] std::string text_of(const nlohmann::json& value, const char* name);

  nlohmann::json object_;
  std::string error_;
};

}  // namespace quire::trace
