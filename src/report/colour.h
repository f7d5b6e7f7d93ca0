// report/colour.h - whether text is coloured, decided in one place, and the few
// colours there are.
//
// Colour never says anything alone: a word or a sign stands beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "quire/result.h"

namespace quire::report {

// --color
enum class ColourWish : std::uint8_t { kAuto, kAlways, kNever };

// "auto", "always", "never"; anything else is kUsage.
[[nodiscard]] Result<ColourWish, Diagnostic> colour_wish(const std::string& word);

// What else decides.
struct Surroundings {
  enum class Reader : std::uint8_t { kTerminal, kOther };
  std::optional<std::string> no_color, clicolor_force, term;  // of the environment
  Reader reader = Reader::kOther;
};

// Of this process; `stream` is a file descriptor.
[[nodiscard]] Surroundings surroundings_of(int stream);

// Text as it is, or between the terminal's signs. Signs take no column, so pad first.
class Ink {
 public:
  enum class Use : std::uint8_t { kPlain, kColour };
  Ink() = default;
  explicit Ink(Use use) : use_(use) {}
  [[nodiscard]] Use use() const { return use_; }

  [[nodiscard]] std::string strong(std::string_view text) const { return between("\x1b[1m", text); }
  [[nodiscard]] std::string faint(std::string_view text) const { return between("\x1b[2m", text); }
  // Legible on light and dark ground, and apart for people who do not tell red from green: both are
  // strong, one is blue.
  [[nodiscard]] std::string good(std::string_view text) const { return between("\x1b[1;34m", text); }
  [[nodiscard]] std::string bad(std::string_view text) const { return between("\x1b[1;31m", text); }

 private:
  [[nodiscard]] std::string between(std::string_view sign, std::string_view text) const;
  Use use_ = Use::kPlain;
};

// The first that says something wins: the wish, NO_COLOR (set to anything), CLICOLOR_FORCE (set, and not
// 0), TERM (dumb, or not set), whether a terminal reads.
[[nodiscard]] Ink ink_for(ColourWish wish, const Surroundings& around);

}  // namespace quire::report
