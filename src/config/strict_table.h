// config/strict_table.h - reads what people write in TOML: every member is known,
// of the right kind, and told with its line when it is not.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/result.h"

namespace quire::config {

// kDamagedInput, with the line, when the text is no TOML.
[[nodiscard]] Result<toml::table, Diagnostic> parse_toml(std::string_view text, const std::string& where);

// The text of a file that people write. kUsage, with the hint, when it cannot be read.
[[nodiscard]] Result<std::string, Diagnostic> read_text(const std::string& file, std::string hint);

// The members of one table, each asked for once; end() complains of the others.
//
// Refers to   : the table and the name of its file
class StrictTable {
 public:
  // `name` stands before its members in messages: "work.", or nothing.
  StrictTable(const toml::table& table, std::string name, const std::string& file)
      : table_(table), name_(std::move(name)), file_(file) {}

  // The member must be there, and a T (std::string, std::int64_t, double, bool).
  template <typename T>
  [[nodiscard]] Result<T, Diagnostic> value(std::string_view key) {
    const toml::node* const node = QUIRE_TRY(find(key));
    if (const auto value = node->value_exact<T>()) return *value;
    return fail(wrong(*node, key, "is of another kind than expected"));
  }
  [[nodiscard]] Result<std::vector<double>, Diagnostic> numbers(std::string_view key);
  // Not empty. A member that may be left out is nothing then.
  [[nodiscard]] Result<std::vector<std::string>, Diagnostic> texts(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  [[nodiscard]] Result<StrictTable, Diagnostic> table(std::string_view key);
  // After everything was read: nothing else may be there.
  [[nodiscard]] Result<void, Diagnostic> end() const;
  // A Diagnostic about a member that was found.
  [[nodiscard]] Diagnostic wrong(std::string_view key, const std::string& what) const;

 private:
  [[nodiscard]] Result<const toml::node*, Diagnostic> find(std::string_view key);
  [[nodiscard]] Diagnostic wrong(const toml::node& node, std::string_view key, const std::string& what) const;

  const toml::table& table_;
  std::string name_;
  const std::string& file_;
  std::vector<std::string> asked_;
};

}  // namespace quire::config
