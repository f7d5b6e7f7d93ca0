// top/view.h - how somebody looks at a Frame: order, choice, place, and what each
// key does to them. Knows no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "top/columns.h"
#include "top/frame.h"

namespace quire::top {

struct Key {
  enum class Kind : std::uint8_t {
    kText,  // a character
    kUp,
    kDown,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kEnter,
    kEscape,
    kBackspace,
    kFunction,  // F1 ...
  } kind = Kind::kText;
  char32_t text = 0;
  unsigned function = 0;  // of kFunction
};

// A process of the table, and what stands before its name in a tree.
struct Row {
  const Process* process = nullptr;
  std::string branch;
};

struct View {
  enum class Mode : std::uint8_t { kTable, kHelp, kSearch, kFilter, kSortMenu, kUserMenu, kDetail };
  enum class Flag : std::uint8_t { kOff, kOn };

  Glyphs glyphs = Glyphs::kUtf8;
  Mode mode = Mode::kTable;
  ColumnId sort = ColumnId::kRss;
  Flag reversed = Flag::kOff;
  Flag tree = Flag::kOff;
  Flag paused = Flag::kOff;
  Flag all_sizes = Flag::kOff;  // also those that nobody uses
  Span span = Span::kPerSecond;
  Time interval = std::chrono::seconds(2);
  std::string filter{};  // part of a name, any case
  std::string search{};
  std::string user{};               // empty: of all
  std::optional<pid_t> selected{};  // none: the first
  std::size_t top_row = 0;          // first row shown
  std::size_t menu_at = 0;
};

enum class Reaction : std::uint8_t { kNone, kDraw, kReadNow, kNewInterval, kQuit };

// By part of its name, in any case, or by its whole number.
[[nodiscard]] bool matches(const Process& process, const std::string& text);
// The processes that the view shows, in its order.
[[nodiscard]] std::vector<Row> rows_of(const Frame& frame, const View& view);
// Where the selected one stands; 0 when it is not shown.
[[nodiscard]] std::size_t place_of(const std::vector<Row>& rows, const View& view);
// What a menu offers, "all users" first.
[[nodiscard]] std::vector<std::string> users_of(const Frame& frame);

// `page` is how many rows of processes the screen has.
[[nodiscard]] Reaction press(View& view, const Key& key, const Frame& frame, std::size_t page);

inline constexpr Time kShortestInterval = std::chrono::milliseconds(100);
inline constexpr Time kLongestInterval = std::chrono::hours(24);

}  // namespace quire::top
