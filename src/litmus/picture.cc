#include "litmus/picture.h"

#include <fmt/format.h>

#include <charconv>

namespace quire::litmus {
namespace {

constexpr char kLastLetter = 'y';

bool is_small_letter(char c) { return c >= 'a' && c <= kLastLetter; }
bool is_capital(char c) { return c >= 'A' && c <= 'Y'; }
char small(char c) { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; }
char capital(char c) { return static_cast<char>(c - 'a' + 'A'); }

bool is_picture_sign(char c) {
  return is_small_letter(c) || is_capital(c) || c == '.' || c == '0' || c == 'z' || c == 'Z' || c == '~' ||
         c == '!';
}

// The count behind `*`, which is gone over; 1 when there is none.
std::optional<std::size_t> take_count(std::string_view& text) {
  if (!text.starts_with('*')) return 1;
  std::size_t n = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), n);
  if (error != std::errc{} || n == 0 || n > kMaxSigns) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return n;
}

}  // namespace

std::optional<std::string> expand_picture(std::string_view text) {
  std::string signs;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == ' ' || c == '\t') continue;
    if (!is_picture_sign(c)) return std::nullopt;
    const auto n = take_count(text);
    if (!n || signs.size() + *n > kMaxSigns) return std::nullopt;
    signs.append(*n, c);
  }
  return signs;
}

std::string shrink_picture(std::string_view signs) {
  std::string text;
  bool after_run = false;
  for (std::size_t at = 0; at < signs.size();) {
    const std::size_t end = std::min(signs.find_first_not_of(signs[at], at), signs.size());
    const bool run = end - at >= 4;
    if (!text.empty() && (run || after_run)) text += ' ';
    text += run ? fmt::format("{}*{}", signs[at], end - at) : std::string(end - at, signs[at]);
    after_run = run;
    at = end;
  }
  return text;
}

char Letters::letter(std::uint64_t folio) {
  const auto next = static_cast<char>('a' + letters_.size() % (kLastLetter - 'a' + 1));
  return letters_.emplace(folio, next).first->second;
}

std::string relabel(std::string_view signs, Letters& letters) {
  std::string text(signs);
  for (char& c : text) {
    if (!is_small_letter(c) && !is_capital(c)) continue;
    const char label = letters.letter(static_cast<std::uint64_t>(small(c)));
    c = is_capital(c) ? capital(label) : label;
  }
  return text;
}

}  // namespace quire::litmus
