#include "top/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quire::top {
namespace {

using Mode = View::Mode;

void append(std::vector<Line>& to, const std::vector<Line>& lines, std::size_t most) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, lines.size()));
  to.insert(to.end(), lines.begin(), lines.begin() + count);
}

// What stands above the processes: at most about half of the screen.
std::vector<Line> upper_part(const Frame& frame, const View& view, Area area) {
  std::vector<Line> lines = host_lines(frame, view, area);
  if (area.lines < kLowScreen) {
    append(lines, finding_lines(frame, view, 1), 1);
    return lines;
  }
  const std::size_t half = area.lines / 2;
  const std::size_t room = half > lines.size() + 1 ? half - lines.size() - 1 : 1;
  append(lines, size_lines(frame, view, area.columns, std::max<std::size_t>(room, 2)), area.lines);
  append(lines, finding_lines(frame, view, area.lines / 12), area.lines);
  return lines;
}

// The smallest move that brings the selected row onto the page.
void scroll_to(View& view, std::size_t place, std::size_t page, std::size_t rows) {
  const std::size_t last = rows > page ? rows - page : 0;
  view.top_row = std::min(view.top_row, last);
  if (place < view.top_row) view.top_row = place;
  if (page > 0 && place >= view.top_row + page) view.top_row = place - page + 1;
}

// The mark says what the style says.
void select(Line& line, std::size_t columns) {
  line.set_mark('>');
  line.fit(columns);
  line.paint(Style::kSelected);
}

void add_table(std::vector<Line>& lines, const Frame& frame, View& view, Area area, std::size_t page) {
  const std::vector<Row> rows = rows_of(frame, view);
  const std::size_t place = place_of(rows, view);
  scroll_to(view, place, page, rows.size());
  for (std::size_t i = view.top_row; i < rows.size() && i < view.top_row + page; ++i) {
    lines.push_back(process_line(frame, rows[i], view, area.columns));
    if (i == place) select(lines.back(), area.columns);
  }
  if (rows.empty() && page > 0)
    lines.emplace_back("no process is to be shown: Esc ends filter and user", Style::kDim);
}

std::vector<Line> detail_of_selected(const Frame& frame, const View& view, std::size_t columns) {
  const std::vector<Row> rows = rows_of(frame, view);
  if (rows.empty()) return {Line("no process is selected")};
  return detail_lines(frame, *rows[place_of(rows, view)].process, view, columns);
}

void fill(Screen& screen, Area area, Line bottom) {
  screen.lines.resize(area.lines > 0 ? area.lines - 1 : 0);
  if (area.lines > 0) screen.lines.push_back(std::move(bottom));
  for (Line& line : screen.lines) line.fit(area.columns);
}

}  // namespace

Line bottom_line(const View& view) {
  if (view.mode == Mode::kSearch)
    return Line("Search: " + view.search + "_  (F3 next, Enter, Esc)", Style::kBold);
  if (view.mode == Mode::kFilter)
    return Line("Filter: " + view.filter + "_  (Enter, Esc clears)", Style::kBold);
  if (view.mode != Mode::kTable) return Line("Esc back", Style::kBold);
  struct Hint {
    const char *key, *does;
  };
  static constexpr std::array kHints{Hint{"F1", "Help"},   Hint{"q", "Quit"},   Hint{"F3", "Search"},
                                     Hint{"F4", "Filter"}, Hint{"F5", "Tree"},  Hint{"F6", "Sort"},
                                     Hint{"u", "User"},    Hint{"c", "Counts"}, Hint{"Enter", "Detail"}};
  Line line;
  for (const Hint& hint : kHints) line.add(hint.key, Style::kBold).add(fmt::format(" {} ", hint.does));
  if (!view.filter.empty()) line.add("filter: " + view.filter + "  ", Style::kAlert);
  if (!view.user.empty()) line.add("user: " + harmless(view.user, view.glyphs), Style::kAlert);
  return line;
}

Screen draw(const Frame& frame, View& view, Area area) {
  Screen screen;
  const std::size_t room = area.lines > 0 ? area.lines - 1 : 0;  // but the bottom line
  switch (view.mode) {
    case Mode::kHelp:
      append(screen.lines, help_lines(view), room);
      break;
    case Mode::kSortMenu:
    case Mode::kUserMenu:
      screen.page = room > 1 ? room - 1 : 0;
      append(screen.lines, menu_lines(frame, view, room), room);
      break;
    case Mode::kDetail:
      append(screen.lines, detail_of_selected(frame, view, area.columns), room);
      break;
    default: {
      append(screen.lines, upper_part(frame, view, area), room > 2 ? room - 2 : 0);
      screen.lines.push_back(process_heading(view, area.columns));
      screen.page = room > screen.lines.size() ? room - screen.lines.size() : 0;
      add_table(screen.lines, frame, view, area, screen.page);
    }
  }
  fill(screen, area, bottom_line(view));
  return screen;
}

std::vector<std::string> plain_lines(const Frame& frame, const View& view, std::size_t columns) {
  constexpr std::size_t kAll = 1000;  // lines: all sizes and findings, whatever there is
  std::vector<Line> lines = upper_part(frame, view, {columns, kAll});
  lines.push_back(process_heading(view, columns));
  for (const Row& row : rows_of(frame, view)) lines.push_back(process_line(frame, row, view, columns));
  std::vector<std::string> text;
  for (Line& line : lines) {
    line.fit(columns);
    text.push_back(line.plain());
  }
  return text;
}

std::vector<Line> menu_lines(const Frame& frame, const View& view, std::size_t lines) {
  const bool sorts = view.mode == Mode::kSortMenu;
  std::vector<std::string> items;
  if (sorts) {
    for (const Column& column : columns())
      items.push_back(fmt::format("{:<10}{}", column.heading, column.meaning));
  } else {
    for (const std::string& user : users_of(frame)) items.push_back(harmless(user, view.glyphs));
  }
  std::vector<Line> menu{
      Line(sorts ? "Sort by (Enter; the same once more: other way round)" : "Show processes of (Enter)",
           Style::kHead)};
  const std::size_t page = std::max<std::size_t>(lines, 2) - 1;
  const std::size_t from = view.menu_at >= page ? view.menu_at - page + 1 : 0;
  for (std::size_t i = from; i < items.size(); ++i) {
    const bool here = i == view.menu_at;
    menu.emplace_back((here ? "> " : "  ") + items[i], here ? Style::kSelected : Style::kPlain);
  }
  return menu;
}

}  // namespace quire::top
