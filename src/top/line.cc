#include "top/line.h"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <numeric>

#include "trace/describe.h"
#include "trace/utf8.h"

namespace quire::top {
namespace {

// What the C library does not know takes one column.
std::size_t columns_of(char32_t code) {
  const int columns = ::wcwidth(static_cast<wchar_t>(code));
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

// The first character; of bytes that are none, one byte.
trace::Utf8Char first(std::string_view text) {
  const trace::Utf8Char next = trace::first_utf8(text);
  return next.length == 0 ? trace::Utf8Char{'?', 1} : next;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (; !text.empty(); text.remove_prefix(first(text).length)) columns += columns_of(first(text).code);
  return columns;
}

std::string clipped(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  for (std::string_view rest = text; !rest.empty(); rest = text.substr(bytes)) {
    const trace::Utf8Char next = first(rest);
    if (columns_of(next.code) > columns) break;
    columns -= columns_of(next.code);
    bytes += next.length;
  }
  return std::string(text.substr(0, bytes));
}

std::string left(std::string_view text, std::size_t columns) {
  std::string shown = clipped(text, columns);
  return shown.append(columns - columns_of(shown), ' ');
}

std::string right(std::string_view text, std::size_t columns) {
  const std::string shown = clipped(text, columns);
  return std::string(columns - columns_of(shown), ' ') + shown;
}

std::string harmless(std::string_view name, Glyphs glyphs) {
  const std::string escaped = trace::escape_name(name);
  if (glyphs == Glyphs::kUtf8) return escaped;
  std::string ascii;
  for (std::string_view rest = escaped; !rest.empty(); rest.remove_prefix(first(rest).length)) {
    const char32_t code = first(rest).code;
    ascii += code < 0x80 ? std::string(1, static_cast<char>(code))
                         : fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(code));
  }
  return ascii;
}

Line& Line::add(std::string text, Style style) {
  if (!text.empty()) pieces_.push_back({std::move(text), style});
  return *this;
}

void Line::fit(std::size_t columns) {
  std::size_t room = columns;
  for (Piece& piece : pieces_) {
    piece.text = clipped(piece.text, room);
    room -= columns_of(piece.text);
  }
  std::erase_if(pieces_, [](const Piece& piece) { return piece.text.empty(); });
  add(std::string(room, ' '));
}

void Line::set_mark(char mark) {
  if (!pieces_.empty() && pieces_.front().text.starts_with(' ')) pieces_.front().text.front() = mark;
}

void Line::paint(Style style) {
  for (Piece& piece : pieces_) piece.style = style;
}

std::size_t Line::columns() const {
  return std::accumulate(pieces_.begin(), pieces_.end(), std::size_t{0},
                         [](std::size_t sum, const Piece& piece) { return sum + columns_of(piece.text); });
}

std::string Line::plain() const {
  std::string text;
  for (const Piece& piece : pieces_) text += piece.text;
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace quire::top
