#include "trace/json_object.h"

#include <fmt/format.h>

#include <optional>

#include "trace/utf8.h"

namespace quire::trace {
namespace {

using nlohmann::json;

// Walks JSON text without building anything and gives up when it is too deep
// or too much.
class Bounds : public nlohmann::json_sax<json> {
 public:
  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool key(string_t&) override { return value(); }
  bool start_object(std::size_t) override { return deeper(); }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool value() { return ++values_ <= JsonObject::kMaxValues; }
  bool deeper() { return ++depth_ <= JsonObject::kMaxDepth && value(); }

  unsigned depth_ = 0;
  std::size_t values_ = 0;
};

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

std::optional<std::string> from_hex(const std::string& hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = hex_digit(hex[i]);
    const auto low = hex_digit(hex[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<char>(*high << 4 | *low));
  }
  return bytes;
}

}  // namespace

nlohmann::ordered_json json_text(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string hex;
  for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return {{"hex", hex}};
}

nlohmann::ordered_json json_texts(const std::vector<std::string>& texts) {
  auto list = nlohmann::ordered_json::array();
  for (const std::string& text : texts) list.push_back(json_text(text));
  return list;
}

Result<JsonObject, std::string> JsonObject::parse(std::string_view text) {
  Bounds bounds;
  if (!json::sax_parse(text, &bounds)) return fail(std::string("not JSON, or too much of it"));
  json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(std::string("not a JSON object"));
  return JsonObject(std::move(object));
}

void JsonObject::wrong(const char* name) {
  if (error_.empty()) error_ = fmt::format("member \"{}\" is missing or not what it should be", name);
}

const json* JsonObject::member(const char* name) {
  const auto found = object_.find(name);
  if (found != object_.end()) return &*found;
  wrong(name);
  return nullptr;
}

std::pair<std::int64_t, std::uint64_t> JsonObject::read_integer(const char* name) {
  const json* value = member(name);
  if (value == nullptr) return {0, 0};
  if (value->is_number_unsigned()) return {0, value->get<std::uint64_t>()};
  if (value->is_number_integer()) return {value->get<std::int64_t>(), 0};
  wrong(name);
  return {0, 0};
}

bool JsonObject::flag(const char* name) {
  const json* value = member(name);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  wrong(name);
  return false;
}

std::string JsonObject::text_of(const json& value, const char* name) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("hex") && value["hex"].is_string()) {
    if (auto bytes = from_hex(value["hex"].get<std::string>())) return *std::move(bytes);
  }
  wrong(name);
  return {};
}

std::string JsonObject::text(const char* name) {
  const json* value = member(name);
  return value == nullptr ? std::string() : text_of(*value, name);
}

std::vector<std::string> JsonObject::texts(const char* name) {
  std::vector<std::string> list;
  const json* value = member(name);
  if (value == nullptr || !value->is_array()) {
    wrong(name);
    return list;
  }
  for (const json& item : *value) list.push_back(text_of(item, name));
  return list;
}

std::map<std::string, std::string> JsonObject::text_map(const char* name) {
  std::map<std::string, std::string> map;
  const json* value = member(name);
  if (value == nullptr || !value->is_object()) {
    wrong(name);
    return map;
  }
  for (const auto& [key, item] : value->items()) map[key] = text_of(item, name);
  return map;
}

std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> JsonObject::pair_map(const char* name) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> map;
  const json* value = member(name);
  if (value == nullptr || !value->is_object()) {
    wrong(name);
    return map;
  }
  for (const auto& [key, item] : value->items()) {
    if (!item.is_array() || item.size() != 2 || !item[0].is_number_unsigned() ||
        !item[1].is_number_unsigned()) {
      wrong(name);
      return map;
    }
    map[key] = {item[0].get<std::uint64_t>(), item[1].get<std::uint64_t>()};
  }
  return map;
}

}  // namespace quire::trace
