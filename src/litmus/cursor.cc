#include "litmus/cursor.h"

#include <fmt/format.h>

#include <utility>

namespace quire::litmus {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_sign(char c) { return c == '=' || c == ','; }

// As it may be printed: bytes that are no plain letters as numbers.
std::string quoted(std::string_view word) {
  std::string text = "\"";
  for (const char c : word.substr(0, 40)) {
    const bool plain = c >= ' ' && c < 0x7f;
    text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text + (word.size() > 40 ? "...\"" : "\"");
}

}  // namespace

std::string position(const std::string& file, Where where) {
  return fmt::format("{}:{}:{}", file, where.line, where.column);
}

Cursor::Cursor(std::string file, unsigned line, std::string_view text)
    : file_(std::move(file)), line_(line), text_(text) {
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    if (text[at] == '#') break;
    std::size_t end = at + 1;
    if (!is_sign(text[at]))
      while (end < text.size() && !is_space(text[end]) && !is_sign(text[end])) ++end;
    words_.push_back({text.substr(at, end - at), static_cast<unsigned>(at + 1)});
    at = end;
  }
}

std::string_view Cursor::peek() const { return done() ? std::string_view() : words_[at_].text; }

Where Cursor::where() const {
  return {line_, done() ? static_cast<unsigned>(text_.size() + 1) : words_[at_].column};
}

std::string_view Cursor::next() { return done() ? std::string_view() : words_[at_++].text; }

bool Cursor::take(std::string_view word) {
  if (done() || peek() != word) return false;
  ++at_;
  return true;
}

std::string Cursor::rest() {
  if (done()) return {};
  const std::size_t begin = words_[at_].column - 1;
  const std::size_t end = words_.back().column - 1 + words_.back().text.size();
  at_ = words_.size();
  return std::string(text_.substr(begin, end - begin));
}

Diagnostic Cursor::wrong(Where where, std::string what, std::string hint) const {
  return {Diagnostic::Kind::kDamagedInput, position(file_, where), std::move(what), std::move(hint)};
}

Diagnostic Cursor::expected(const std::string& what) const {
  return wrong(where(),
               fmt::format("found {}, expected {}", done() ? "the end of the line" : quoted(peek()), what));
}

Result<void, Diagnostic> Cursor::end() const {
  if (done()) return {};
  return fail(expected("the end of the line"));
}

}  // namespace quire::litmus
