// The page of F1.
#include <fmt/format.h>

#include <array>

#include "top/bar.h"
#include "top/screen.h"

namespace quire::top {
namespace {

struct Help {
  const char *keys, *meaning;
};

constexpr std::array kKeys{
    Help{"arrows PgUp PgDn Home End", "move; Home: stay with the first, whichever it is"},
    Help{"F3 /  F4 \\", "search a name or pid; show only names with a text"},
    Help{"F5 t  u", "as a tree; processes of one user"},
    Help{"F6 < >  I", "choose the column that sorts; the other way round"},
    Help{"M P N L W", "sort by RSS, CPU%, PID, LARGE, WASTE"},
    Help{"Enter", "all sizes of one process"},
    Help{"c  a", "counters per second, since start, since boot; all sizes"},
    Help{"space  r  + -", "pause; read now; longer, shorter interval"},
    Help{"Esc  q F10", "end filter and user; quit"},
};

}  // namespace

std::vector<Line> help_lines(const View& view) {
  std::vector<Line> lines{Line("quire top: folios of the host and of its processes", Style::kBold)};
  for (const Help& help : kKeys) lines.emplace_back(fmt::format("  {:<27}{}", help.keys, help.meaning));
  lines.emplace_back("FOLIOS: a process's anonymous memory by folio size; darker is larger", Style::kBold);
  Line bar("  ");
  for (std::size_t i = 0; i < kFolioCells; ++i) {
    const auto cell = static_cast<Cell>(i);
    bar.add(glyph_of(cell, view.glyphs) + " ", style_of(cell)).add(sizes_of(cell) + "   ");
  }
  lines.push_back(bar);
  for (const char* text : {"LARGE  of its anonymous memory, in folios of several pages",
                           "PART   in folios it maps in part or out of order",
                           "WASTE  in those folios, mapped by nobody: held until they are split",
                           "AGE    of these figures: a large process is read less often (--budget)",
                           "FAIL%  of faults that wanted a folio of this size and got none",
                           "       docs/reference/top.md explains every figure"})
    lines.emplace_back(std::string("  ") + text);
  return lines;
}

}  // namespace quire::top
