// convert/text_cursor.h - takes words and numbers off the front of a line,
// with every number checked for its size.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quire::convert {

[[nodiscard]] inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A line, read from its front. What does not fit takes nothing off.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool skip(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  // Up to the first `stop`, which is taken off as well; nothing when there is none.
  std::optional<std::string_view> until(std::string_view stop) {
    const auto at = rest_.find(stop);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view taken = rest_.substr(0, at);
    rest_.remove_prefix(at + stop.size());
    return taken;
  }
  // Up to the next space or the end.
  std::string_view word() {
    const auto at = std::min(rest_.find_first_of(" \t"), rest_.size());
    const std::string_view taken = rest_.substr(0, at);
    rest_.remove_prefix(at);
    return taken;
  }
  // A number of this base, without prefix. Nothing when there is none or it does not fit.
  template <std::integral Int>
  std::optional<Int> number(int base = 10) {
    Int value{};
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
    if (error != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  // Hexadecimal behind "0x", otherwise decimal.
  std::optional<std::uint64_t> address_or_number() {
    return skip("0x") ? number<std::uint64_t>(16) : number<std::uint64_t>();
  }

 private:
  std::string_view rest_;
};

// "12.345678": seconds with any number of decimals, as nanoseconds. What is
// behind the ninth decimal is dropped. Nothing when it does not fit 63 bits.
[[nodiscard]] std::optional<std::uint64_t> take_seconds(TextCursor& cursor);

}  // namespace quire::convert
