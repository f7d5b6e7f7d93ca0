#include "config/strict_table.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "policy/near_miss.h"

namespace quire::config {

Result<toml::table, Diagnostic> parse_toml(std::string_view text, const std::string& where) try {
  return toml::parse(text, where);
} catch (const toml::parse_error& error) {
  return fail(Diagnostic{Diagnostic::Kind::kDamagedInput,
                         fmt::format("{}:{}", where, error.source().begin.line),
                         "is no TOML: " + std::string(error.description()), ""});
}

Result<std::string, Diagnostic> read_text(const std::string& file, std::string hint) {
  std::ifstream in(file);
  if (!in) return fail(Diagnostic{Diagnostic::Kind::kUsage, file, "cannot be read", std::move(hint)});
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

Result<std::vector<double>, Diagnostic> StrictTable::numbers(std::string_view key) {
  const toml::node* const node = QUIRE_TRY(find(key));
  const toml::array* const list = node->as_array();
  if (list == nullptr) return fail(wrong(*node, key, "is no list of numbers"));
  std::vector<double> numbers;
  for (const toml::node& one : *list) {
    const auto number = one.value<double>();
    if (!number) return fail(wrong(one, key, "holds what is no number"));
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<std::string>, Diagnostic> StrictTable::texts(std::string_view key) {
  const toml::node* const node = QUIRE_TRY(find(key));
  const toml::array* const list = node->as_array();
  if (list == nullptr || list->empty()) return fail(wrong(*node, key, "is no list of texts, or empty"));
  std::vector<std::string> texts;
  for (const toml::node& one : *list) {
    const auto text = one.value_exact<std::string>();
    if (!text) return fail(wrong(one, key, "holds what is no text"));
    texts.push_back(*text);
  }
  return texts;
}

Result<StrictTable, Diagnostic> StrictTable::table(std::string_view key) {
  const toml::node* const node = QUIRE_TRY(find(key));
  if (const toml::table* const inner = node->as_table())
    return StrictTable(*inner, name_ + std::string(key) + ".", file_);
  return fail(wrong(*node, key, "is no table"));
}

Result<void, Diagnostic> StrictTable::end() const {
  for (const auto& [key, node] : table_) {
    if (std::ranges::find(asked_, key.str()) != asked_.end()) continue;
    Diagnostic unknown = wrong(node, key.str(), "is not known here");
    unknown.hint = policy::did_you_mean(key.str(), asked_);
    return fail(std::move(unknown));
  }
  return {};
}

Diagnostic StrictTable::wrong(std::string_view key, const std::string& what) const {
  const toml::node* const node = table_.get(key);
  return wrong(node != nullptr ? *node : table_, key, what);
}

Result<const toml::node*, Diagnostic> StrictTable::find(std::string_view key) {
  asked_.emplace_back(key);
  if (const toml::node* const node = table_.get(key)) return node;
  return fail(wrong(table_, key, "is missing"));
}

Diagnostic StrictTable::wrong(const toml::node& node, std::string_view key, const std::string& what) const {
  return {Diagnostic::Kind::kDamagedInput, fmt::format("{}:{}", file_, node.source().begin.line),
          fmt::format("{}{} {}", name_, key, what), ""};
}

}  // namespace quire::config
