#include "top/view.h"

#include <algorithm>

namespace quire::top {
namespace {

using Kind = Key::Kind;
using Mode = View::Mode;
using Flag = View::Flag;

struct Pressed {
  View& view;
  const Key& key;
  const Frame& frame;
  std::size_t page;
  [[nodiscard]] bool is(char32_t character) const { return key.kind == Kind::kText && key.text == character; }
  [[nodiscard]] bool is_function(unsigned number) const {
    return key.kind == Kind::kFunction && key.function == number;
  }
};

void toggle(Flag& flag) { flag = flag == Flag::kOn ? Flag::kOff : Flag::kOn; }

// To the row `to`; the first row is where one stays when the order changes.
void select(View& view, const std::vector<Row>& rows, std::size_t to) {
  if (rows.empty() || to == 0) {
    view.selected.reset();
  } else {
    view.selected = rows[std::min(to, rows.size() - 1)].process->stat.pid;
  }
}

bool move(const Pressed& p) {
  const std::vector<Row> rows = rows_of(p.frame, p.view);
  const std::size_t at = place_of(rows, p.view);
  const std::size_t page = std::max<std::size_t>(p.page, 1);
  switch (p.key.kind) {
    case Kind::kUp:
      select(p.view, rows, at - std::min<std::size_t>(at, 1));
      return true;
    case Kind::kDown:
      select(p.view, rows, at + 1);
      return true;
    case Kind::kPageUp:
      select(p.view, rows, at - std::min(at, page));
      return true;
    case Kind::kPageDown:
      select(p.view, rows, at + page);
      return true;
    case Kind::kHome:
      select(p.view, rows, 0);
      return true;
    case Kind::kEnd:
      select(p.view, rows, rows.empty() ? 0 : rows.size() - 1);
      return true;
    default:
      return false;
  }
}

// The next match from `from` on, and round.
void find(View& view, const Frame& frame, std::size_t from) {
  const std::vector<Row> rows = rows_of(frame, view);
  for (std::size_t i = 0; i < rows.size() && !view.search.empty(); ++i) {
    const std::size_t at = (from + i) % rows.size();
    if (matches(*rows[at].process, view.search)) return select(view, rows, at);
  }
}

// The column at the left or right of the one that sorts.
enum class Side : std::uint8_t { kLeft, kRight };
void sort_by_neighbour(View& view, Side side) {
  const std::size_t all = columns().size();
  const std::size_t step = side == Side::kRight ? 1 : all - 1;
  view.sort = columns()[(static_cast<std::size_t>(view.sort) + step) % all].id;
  view.reversed = Flag::kOff;
}

void sort_by(View& view, ColumnId id) {
  if (view.sort == id) return toggle(view.reversed);
  view.sort = id;
  view.reversed = Flag::kOff;
}

Reaction change_interval(View& view, double factor) {
  const auto wanted =
      std::chrono::duration_cast<Time>(std::chrono::duration<double, std::nano>(view.interval) * factor);
  view.interval = std::clamp(wanted, kShortestInterval, kLongestInterval);
  return Reaction::kNewInterval;
}

Span after(Span span) {
  if (span == Span::kPerSecond) return Span::kSinceStart;
  return span == Span::kSinceStart ? Span::kSinceBoot : Span::kPerSecond;
}

Reaction enter(View& view, Mode mode) {
  view.mode = mode;
  view.menu_at = 0;
  if (mode == Mode::kSearch) view.search.clear();
  if (mode == Mode::kSortMenu) view.menu_at = static_cast<std::size_t>(view.sort);
  return Reaction::kDraw;
}

std::optional<Mode> opened(const Pressed& p) {
  if (p.is_function(1) || p.is('h') || p.is('?')) return Mode::kHelp;
  if (p.is_function(3) || p.is('/')) return Mode::kSearch;
  if (p.is_function(4) || p.is('\\')) return Mode::kFilter;
  if (p.is_function(6)) return Mode::kSortMenu;
  if (p.is('u')) return Mode::kUserMenu;
  if (p.key.kind == Kind::kEnter) return Mode::kDetail;
  return std::nullopt;
}

std::optional<ColumnId> sorted_at_once(const Pressed& p) {
  if (p.is('M')) return ColumnId::kRss;
  if (p.is('P')) return ColumnId::kCpu;
  if (p.is('N')) return ColumnId::kPid;
  if (p.is('W')) return ColumnId::kWaste;
  if (p.is('L')) return ColumnId::kLarge;
  return std::nullopt;
}

Reaction in_table(const Pressed& p) {
  View& view = p.view;
  if (p.is('q') || p.is_function(10)) return Reaction::kQuit;
  if (const auto mode = opened(p)) return enter(view, *mode);
  if (move(p)) return Reaction::kDraw;
  if (const auto id = sorted_at_once(p)) {
    sort_by(view, *id);
  } else if (p.is('<') || p.is('>')) {
    sort_by_neighbour(view, p.is('>') ? Side::kRight : Side::kLeft);
  } else if (p.is('I')) {
    toggle(view.reversed);
  } else if (p.is('t') || p.is_function(5)) {
    toggle(view.tree);
  } else if (p.is('a')) {
    toggle(view.all_sizes);
  } else if (p.is('c')) {
    view.span = after(view.span);
  } else if (p.is(' ')) {
    toggle(view.paused);
  } else if (p.is('r')) {
    return Reaction::kReadNow;
  } else if (p.is('+') || p.is('-')) {
    return change_interval(view, p.is('+') ? 2 : 0.5);
  } else if (p.key.kind == Kind::kEscape) {
    view.filter.clear();
    view.user.clear();
  } else {
    return Reaction::kNone;
  }
  return Reaction::kDraw;
}

constexpr std::size_t kLongestPrompt = 60;

// What is typed takes effect at once.
Reaction in_prompt(const Pressed& p) {
  View& view = p.view;
  std::string& text = view.mode == Mode::kSearch ? view.search : view.filter;
  if (p.key.kind == Kind::kEnter) return enter(view, Mode::kTable);
  if (p.key.kind == Kind::kEscape) {
    text.clear();
    return enter(view, Mode::kTable);
  }
  if (p.key.kind == Kind::kBackspace && !text.empty()) text.pop_back();
  if (p.key.kind == Kind::kText && p.key.text >= 0x20 && p.key.text < 0x7f && text.size() < kLongestPrompt)
    text += static_cast<char>(p.key.text);
  if (view.mode == Mode::kSearch) {
    const std::size_t next = p.is_function(3) ? 1 : 0;
    find(view, p.frame, place_of(rows_of(p.frame, view), view) + next);
  } else {
    move(p);
  }
  return Reaction::kDraw;
}

void choose(View& view, const Frame& frame) {
  if (view.mode == Mode::kSortMenu) {
    sort_by(view, columns()[view.menu_at].id);
    return;
  }
  const std::vector<std::string> users = users_of(frame);
  view.user = view.menu_at == 0 ? "" : users[std::min(view.menu_at, users.size() - 1)];
}

Reaction in_menu(const Pressed& p) {
  View& view = p.view;
  const std::size_t size = view.mode == Mode::kSortMenu ? columns().size() : users_of(p.frame).size();
  const std::size_t page = std::max<std::size_t>(p.page, 1);
  std::size_t& at = view.menu_at;
  if (p.key.kind == Kind::kUp) at -= std::min<std::size_t>(at, 1);
  if (p.key.kind == Kind::kDown) ++at;
  if (p.key.kind == Kind::kPageUp) at -= std::min(at, page);
  if (p.key.kind == Kind::kPageDown) at += page;
  if (p.key.kind == Kind::kHome) at = 0;
  if (p.key.kind == Kind::kEnd) at = size - 1;
  at = std::min(at, size - 1);
  if (p.key.kind == Kind::kEnter) choose(view, p.frame);
  const bool left = p.key.kind == Kind::kEnter || p.key.kind == Kind::kEscape || p.is('q');
  return left ? enter(view, Mode::kTable) : Reaction::kDraw;
}

}  // namespace

Reaction press(View& view, const Key& key, const Frame& frame, std::size_t page) {
  const Pressed pressed{view, key, frame, page};
  switch (view.mode) {
    case Mode::kTable:
      return in_table(pressed);
    case Mode::kSearch:
    case Mode::kFilter:
      return in_prompt(pressed);
    case Mode::kSortMenu:
    case Mode::kUserMenu:
      return in_menu(pressed);
    case Mode::kDetail:
      if (move(pressed)) return Reaction::kDraw;
      return enter(view, Mode::kTable);
    case Mode::kHelp:
      break;
  }
  // Any key leaves the help.
  return enter(view, Mode::kTable);
}

}  // namespace quire::top
