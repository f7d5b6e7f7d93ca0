// The lower part of the screen: one line a process, and all about one of them.
#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "top/bar.h"
#include "top/figures.h"
#include "top/screen.h"

namespace quire::top {
namespace {

constexpr std::string_view kBarHeading = "FOLIOS";

std::size_t bar_columns(std::size_t screen) {
  if (screen < 60) return 6;
  return screen < 120 ? 10 : 24;
}

std::string aligned(std::string_view text, const Column& column) {
  return column.align == Column::Align::kRight ? right(text, column.columns) : left(text, column.columns);
}

// What the screen has room for; the name comes last, behind the bar.
std::vector<const Column*> shown_columns(std::size_t screen) {
  std::vector<const Column*> shown;
  for (const Column& column : columns())
    if (screen >= column.least_screen && column.id != ColumnId::kName) shown.push_back(&column);
  return shown;
}

// From here on a screen has a column for each folio size.
constexpr std::size_t kSizeColumnsFrom = 160;
constexpr std::size_t kSizeColumn = 5;

// Sizes that some process shown has.
std::vector<Order> sizes_with_columns(std::size_t screen) {
  std::vector<Order> sizes;
  for (unsigned n = 0; n <= kPmdOrder && screen >= kSizeColumnsFrom; ++n) sizes.emplace_back(n);
  return sizes;
}

}  // namespace

Line process_heading(const View& view, std::size_t screen) {
  Line line(" ", Style::kHead);
  const auto add = [&](const Column& column, const std::string& text) {
    line.add(text, column.id == view.sort ? Style::kSorted : Style::kHead);
    line.add(" ", Style::kHead);
  };
  for (const Column* column : shown_columns(screen)) {
    const bool sorts = column->id == view.sort;
    const char* mark = view.reversed == View::Flag::kOn ? "^" : "v";
    // The mark stands where there is room for it.
    std::string heading(column->heading);
    if (sorts && heading.size() < column->columns) heading += mark;
    add(*column, aligned(heading, *column));
  }
  for (const Order size : sizes_with_columns(screen))
    line.add(right(base::short_size(size.bytes()), kSizeColumn) + " ", Style::kHead);
  line.add(left(kBarHeading, bar_columns(screen)) + " ", Style::kHead);
  add(column(ColumnId::kName), std::string(column(ColumnId::kName).heading));
  return line;
}

Line process_line(const Frame& frame, const Row& row, const View& view, std::size_t screen) {
  const Process& process = *row.process;
  Line line(" ");  // room for the mark of the selected one
  for (const Column* column : shown_columns(screen))
    line.add(aligned(cell_text(process, column->id, frame.now.at, view.glyphs), *column) + " ");
  const bool frames = process.folios && frame.tier == Tier::kFrames;
  const live::ByOrder pages = process.folios ? process.folios->counts.anon.by_order() : live::ByOrder{};
  for (const Order size : sizes_with_columns(screen))
    line.add(right(frames ? short_bytes(pages[size.raw()].bytes()) : kUnknown, kSizeColumn) + " ");
  if (process.folios) {
    add_bar(line, parts_of(pages), bar_columns(screen), view.glyphs);
  } else {
    line.add(left(kUnknown, bar_columns(screen)));
  }
  line.add(" " + row.branch + cell_text(process, ColumnId::kName, frame.now.at, view.glyphs));
  return line;
}

namespace {

Line detail_row(Order size, const live::FolioCounts& counts) {
  const unsigned n = size.raw();
  const auto cell = [](PageCount pages) { return right(short_bytes(pages.bytes()), 9); };
  const auto whole = [&](const live::FolioCounts::OfKind& kind) {
    return kind.aligned[n] + kind.unaligned[n] + (n == 0 ? kind.single : PageCount());
  };
  const auto pmd = [&](const live::FolioCounts::OfKind& kind) {
    return size == kOrderPmd ? kind.pmd : PageCount();
  };
  std::string text = left(base::short_size(size.bytes()), 8);
  for (const live::FolioCounts::OfKind* kind : {&counts.anon, &counts.file})
    text += cell(pmd(*kind)) + cell(whole(*kind)) + cell(kind->partial[n]);
  return Line(text);
}

}  // namespace

std::vector<Line> detail_lines(const Frame& frame, const Process& process, const View& view,
                               std::size_t columns) {
  const std::string name = harmless(process.stat.name, view.glyphs);
  std::vector<Line> lines;
  lines.emplace_back(fmt::format("{} ({}), of {}, {} thread{}, {} resident", name, process.stat.pid,
                                 harmless(process.user, view.glyphs), process.stat.threads,
                                 process.stat.threads == 1 ? "" : "s", short_bytes(process.rss())),
                     Style::kBold);
  if (!process.folios) {
    lines.emplace_back("its folios are not known: " + harmless(process.no_folios, view.glyphs));
    return lines;
  }
  const FolioSample& sample = *process.folios;
  lines.emplace_back(fmt::format("read {} ago, in {:.1f} ms; waste {}", short_age(frame.now.at - sample.at),
                                 std::chrono::duration<double, std::milli>(sample.cost).count(),
                                 sample.stranded ? short_bytes(sample.stranded->bytes()) : kUnknown));
  Line bar;
  add_bar(bar, parts_of(sample.counts.anon.by_order()), std::min<std::size_t>(columns, 62), view.glyphs);
  lines.push_back(bar);
  lines.emplace_back(fmt::format("{:8}{:>27}{:>27}", "", "anonymous", "file, shared"), Style::kHead);
  lines.emplace_back(fmt::format("{:8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}", "SIZE", "by PMD", "whole", "part",
                                 "by PMD", "whole", "part"),
                     Style::kHead);
  for (unsigned n = 0; n <= kPmdOrder; ++n) lines.push_back(detail_row(Order(n), sample.counts));
  lines.emplace_back(fmt::format("quire map {} shows its mappings", process.stat.pid), Style::kDim);
  return lines;
}

}  // namespace quire::top
