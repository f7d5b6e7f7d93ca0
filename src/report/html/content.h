// report/html/content.h - what a report says, before it is a page or plain text.
//
// Sections are built of these blocks once; page_html.h and plain_text.h each make
// them readable. All text here is as it is: whoever renders it escapes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace quire::report {

// How a value is to be taken. Never by colour alone: the renderers add a sign or
// a word.
enum class Tone : std::uint8_t {
  kPlain,
  kUnmeasured,  // a prediction that nobody has measured
  kBetter,
  kWorse,
};

struct Cell {
  std::string text;
  std::string origin = {};  // where the number is from: "A /policies/0/minor_faults"
  Tone tone = Tone::kPlain;
};

enum class Align : std::uint8_t { kLeft, kRight };

struct Heading {
  std::string text;
  Align align = Align::kRight;
};

struct Table {
  std::string caption;
  std::vector<Heading> headings;
  std::vector<std::vector<Cell>> rows;  // of as many cells as there are headings
  enum class Open : std::uint8_t { kOpen, kFolded } open = Open::kOpen;
  // The first so many columns say what a row is of: text that is too narrow for all repeats them.
  std::size_t keys = 1;
};

struct Paragraph {
  std::string text;
  enum class Kind : std::uint8_t { kPlain, kNote, kWarning } kind = Kind::kPlain;
};

// What this report cannot say, and the command that could.
struct Missing {
  std::string what;
  std::string command = {};  // empty: Quire has none
};

// To copy and paste; never broken.
struct Lines {
  std::string title;
  std::vector<std::string> lines;
};

// Drawn by the page's script from the data of the same id.
struct Picture {
  enum class Kind : std::uint8_t { kChart, kFolioMap } kind = Kind::kChart;
  std::string id;
  std::string title;
  std::string caption;  // axes, resolution, how to read it
};

using Block = std::variant<Paragraph, Table, Missing, Lines, Picture>;

struct Section {
  std::string id;
  std::string title;
  std::vector<Block> blocks = {};
};

}  // namespace quire::report
