#include "report/colour.h"

#include <gtest/gtest.h>

namespace quire::report {
namespace {

using Reader = Surroundings::Reader;
using Use = Ink::Use;

struct Case {
  const char* what;
  ColourWish wish;
  Surroundings around;
  Use use;
};

// Every row of the order: each wins over all that stand below it, and says
// nothing when it is not set.
TEST(Colour, TheFirstThatSaysSomethingWins) {
  const Case cases[] = {
      {"the flag over all that forbids",
       ColourWish::kAlways,
       {"1", "0", "dumb", Reader::kOther},
       Use::kColour},
      {"the flag over all that allows",
       ColourWish::kNever,
       {{}, "1", "xterm", Reader::kTerminal},
       Use::kPlain},
      {"NO_COLOR over CLICOLOR_FORCE",
       ColourWish::kAuto,
       {"1", "1", "xterm", Reader::kTerminal},
       Use::kPlain},
      {"NO_COLOR set to 0 is set", ColourWish::kAuto, {"0", {}, "xterm", Reader::kTerminal}, Use::kPlain},
      {"an empty NO_COLOR is none", ColourWish::kAuto, {"", {}, "xterm", Reader::kTerminal}, Use::kColour},
      {"CLICOLOR_FORCE over TERM and a pipe",
       ColourWish::kAuto,
       {{}, "1", "dumb", Reader::kOther},
       Use::kColour},
      {"CLICOLOR_FORCE=0 is none", ColourWish::kAuto, {{}, "0", "xterm", Reader::kOther}, Use::kPlain},
      {"an empty CLICOLOR_FORCE is none", ColourWish::kAuto, {{}, "", "xterm", Reader::kOther}, Use::kPlain},
      {"TERM=dumb over a terminal", ColourWish::kAuto, {{}, {}, "dumb", Reader::kTerminal}, Use::kPlain},
      {"no TERM is dumb", ColourWish::kAuto, {{}, {}, {}, Reader::kTerminal}, Use::kPlain},
      {"a terminal", ColourWish::kAuto, {{}, {}, "xterm", Reader::kTerminal}, Use::kColour},
      {"a pipe", ColourWish::kAuto, {{}, {}, "xterm", Reader::kOther}, Use::kPlain},
  };
  for (const Case& c : cases) EXPECT_EQ(ink_for(c.wish, c.around).use(), c.use) << c.what;
}

// Words that people type, and a slip.
TEST(Colour, WishesAreWords) {
  EXPECT_EQ(colour_wish("auto"), ColourWish::kAuto);
  EXPECT_EQ(colour_wish("always"), ColourWish::kAlways);
  EXPECT_EQ(colour_wish("never"), ColourWish::kNever);
  const auto slip = colour_wish("alway");
  ASSERT_FALSE(slip.has_value());
  EXPECT_EQ(slip.error().kind, Diagnostic::Kind::kUsage);
  EXPECT_NE(slip.error().line().find("did you mean always?"), std::string::npos);
}

// Without colour text is what it was, byte for byte; with it, it ends where it
// began. Nothing needs no signs.
TEST(Colour, SignsStandRoundTheText) {
  const Ink plain, colour(Use::kColour);
  EXPECT_EQ(plain.strong("64K") + plain.good("64K") + plain.bad("64K") + plain.faint("64K"), "64K64K64K64K");
  EXPECT_EQ(colour.strong("64K"), "\x1b[1m64K\x1b[0m");
  EXPECT_EQ(colour.faint("a line\n"), "\x1b[2ma line\x1b[0m\n");
  EXPECT_EQ(colour.bad(""), "");
}

}  // namespace
}  // namespace quire::report
