// top/line.h - a line of a screen: pieces of text, each with a style.
//
// A style is never the only carrier of a fact: plain() says everything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire::top {

enum class Style : std::uint8_t {
  kPlain,
  kDim,
  kBold,
  kAlert,     // something fails or is held for nothing
  kHead,      // above a table
  kSorted,    // the heading of the column that sorts
  kSelected,  // the line that keys act on
  kSmall,     // folios of one page,
  kMiddle,    // ... of up to 64 KiB,
  kLarge,     // ... below a PMD,
  kHuge,      // ... and of a PMD
};
inline constexpr std::size_t kStyles = 11;

// Which characters a terminal can show.
enum class Glyphs : std::uint8_t { kAscii, kUtf8 };

// Columns that a text of printable characters takes on a terminal.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// The beginning of the text that takes no more columns.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t columns);
// Exactly so many columns: clipped, or filled up at its right or left end.
[[nodiscard]] std::string left(std::string_view text, std::size_t columns);
[[nodiscard]] std::string right(std::string_view text, std::size_t columns);
// A name that a program chose, harmless on any terminal, and of ASCII where that
// is all it can show.
[[nodiscard]] std::string harmless(std::string_view name, Glyphs glyphs);

class Line {
 public:
  struct Piece {
    std::string text;
    Style style = Style::kPlain;
  };

  Line() = default;
  explicit Line(std::string text, Style style = Style::kPlain) { add(std::move(text), style); }
  Line& add(std::string text, Style style = Style::kPlain);
  // Exactly so many columns from now on.
  void fit(std::size_t columns);
  // Puts a character in the place of the blank that the line begins with.
  void set_mark(char mark);
  // All of it in one style.
  void paint(Style style);

  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  [[nodiscard]] std::size_t columns() const;
  [[nodiscard]] std::string plain() const;

 private:
  std::vector<Piece> pieces_;
};

struct Area {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

}  // namespace quire::top
