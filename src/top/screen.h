// top/screen.h - a Frame, looked at through a View, as lines of text. Knows no
// terminal: what it gives is exactly as large as asked for.
#pragma once

#include <vector>

#include "top/frame.h"
#include "top/line.h"
#include "top/view.h"

namespace quire::top {

// Lines: a screen that has fewer shows no counters by size.
inline constexpr std::size_t kLowScreen = 16;

struct Screen {
  std::vector<Line> lines;  // as many as asked for, each as wide
  std::size_t page = 0;     // rows of processes on it
};

// Moves view.top_row so that the selected process is on the screen.
[[nodiscard]] Screen draw(const Frame& frame, View& view, Area area);

// The same for a file or a pipe: all processes, nothing selected, no keys; lines
// end where their text does.
[[nodiscard]] std::vector<std::string> plain_lines(const Frame& frame, const View& view, std::size_t columns);

// The parts of a screen, each with lines of any width.
[[nodiscard]] std::vector<Line> host_lines(const Frame& frame, const View& view, Area area);
// At most `most` of them, which is 2 or more.
[[nodiscard]] std::vector<Line> size_lines(const Frame& frame, const View& view, std::size_t columns,
                                           std::size_t most);
[[nodiscard]] std::vector<Line> finding_lines(const Frame& frame, const View& view, std::size_t most);
[[nodiscard]] Line process_heading(const View& view, std::size_t columns);
[[nodiscard]] Line process_line(const Frame& frame, const Row& row, const View& view, std::size_t columns);
[[nodiscard]] std::vector<Line> detail_lines(const Frame& frame, const Process& process, const View& view,
                                             std::size_t columns);
[[nodiscard]] std::vector<Line> help_lines(const View& view);
[[nodiscard]] std::vector<Line> menu_lines(const Frame& frame, const View& view, std::size_t lines);
// The line at the bottom: keys, or what is being typed.
[[nodiscard]] Line bottom_line(const View& view);

}  // namespace quire::top
