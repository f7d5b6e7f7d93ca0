// Tables for a mail: aligned, so that they read as plain text, and Markdown, so
// that they become tables where that is understood. No line is wider than 78
// columns but those to paste.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "exports/formats.h"

namespace quire::exports {
namespace {

constexpr std::size_t kWidth = 78;
constexpr std::size_t kWidest = 34;  // of one cell of text

using Cells = std::vector<std::string>;

// Characters that a table, or Markdown, would take for its own.
std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '`') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string cut(std::string_view text) {
  if (text.size() <= kWidest) return plain(text);
  return plain(text.substr(0, kWidest - 3)) + "...";
}

enum class Align : std::uint8_t { kLeft, kRight };

// The first row is the heading; the first column stands left, the others as told.
std::string table(const std::vector<Cells>& rows, Align others) {
  std::vector<std::size_t> widths(rows.front().size(), 3);
  for (const Cells& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  const auto right = [others](std::size_t column) { return column != 0 && others == Align::kRight; };
  const auto put = [&](const Cells& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (right(i)) {
        fmt::format_to(std::back_inserter(text), "| {:>{}} ", row[i], widths[i]);
      } else {
        fmt::format_to(std::back_inserter(text), "| {:<{}} ", row[i], widths[i]);
      }
    }
    text += "|\n";
  };
  put(rows.front());
  for (std::size_t i = 0; i < widths.size(); ++i)
    text += "|" + std::string(widths[i] + 1, '-') + (right(i) ? ":" : "-");
  text += "|\n";
  for (auto row = rows.begin() + 1; row != rows.end(); ++row) put(*row);
  return text + "\n";
}

// What stands above the figures of a row.
std::string heading(const Row& row) {
  const std::string which = row.label("which");
  return which.empty() ? row.label("policy") : which;
}

bool shown(const std::vector<const Row*>& rows, const report::Figure& figure) {
  if (figure.show == report::Show::kJsonOnly) return false;
  if (figure.show == report::Show::kAlways) return true;
  return std::ranges::any_of(rows, [&](const Row* row) {
    const report::Figure* const own = row->figure(figure.key);
    return own != nullptr && !report::is_zero(*own);
  });
}

// Every figure that some row has, in the rows' order.
report::Sheet figures_of(const std::vector<const Row*>& rows) {
  report::Sheet all;
  for (const Row* row : rows) {
    for (const report::Figure& figure : row->figures)
      if (std::ranges::find(all, figure.key, &report::Figure::key) == all.end()) all.push_back(figure);
  }
  return all;
}

Cells column_of(const Row& row, const report::Sheet& figures) {
  Cells column{cut(heading(row))};
  for (const report::Figure& figure : figures) {
    const report::Figure* const own = row.figure(figure.key);
    column.push_back(own == nullptr ? "-" : report::text_of(*own));
  }
  return column;
}

std::size_t width_of(const Cells& column) {
  return std::max<std::size_t>(
             3, std::ranges::max(column, {}, [](const std::string& c) { return c.size(); }).size()) +
         3;
}

// Figures downwards, rows across: as many tables as the width asks for.
std::string across(const std::vector<const Row*>& rows) {
  report::Sheet figures = figures_of(rows);
  std::erase_if(figures, [&](const report::Figure& figure) { return !shown(rows, figure); });
  Cells labels{""};
  for (const report::Figure& figure : figures) labels.push_back(figure.label);
  std::string text;
  for (std::size_t next = 0; next < rows.size();) {
    std::vector<Cells> columns{labels};
    std::size_t width = width_of(labels) + 1;
    for (; next < rows.size(); ++next) {
      Cells column = column_of(*rows[next], figures);
      width += width_of(column);
      if (width > kWidth && columns.size() > 1) break;
      columns.push_back(std::move(column));
    }
    std::vector<Cells> lines(labels.size());
    for (const Cells& column : columns)
      for (std::size_t i = 0; i < column.size(); ++i) lines[i].push_back(column[i]);
    text += table(lines, Align::kRight);
  }
  return text;
}

// One line a row, with the figures that decide.
std::string downwards(const std::vector<const Row*>& rows) {
  constexpr std::pair<const char*, const char*> kColumns[] = {{"/kernel_ns", "kernel time"},
                                                              {"/fault_ns_p99", "p99 fault"},
                                                              {"/minor_faults", "faults"},
                                                              {"/peak_resident_bytes", "peak"},
                                                              {"/wasted_at_peak_bytes", "unused"}};
  const char* const name_of_row = rows.front()->label("change").empty() ? "policy" : "change";
  std::vector<Cells> lines{{name_of_row}};
  for (const auto& [key, name] : kColumns) lines[0].emplace_back(name);
  for (const Row* row : rows) {
    Cells line{cut(row->label(name_of_row) + (row->label("recommended") == "yes" ? " (use)" : ""))};
    for (const auto& [key, name] : kColumns) {
      const report::Figure* const figure = row->figure(key);
      line.push_back(figure == nullptr ? "-" : report::text_of(*figure));
    }
    lines.push_back(std::move(line));
  }
  return table(lines, Align::kRight);
}

std::vector<const Row*> rows_where(const Results& results, const auto& wanted) {
  std::vector<const Row*> rows;
  for (const Row& row : results.rows)
    if (wanted(row)) rows.push_back(&row);
  return rows;
}

std::string advise_tables(const Results& results) {
  return downwards(rows_where(results, [](const Row& row) {
    const std::string change = row.label("change");
    return change == "now" || change == "4K" || row.label("recommended") == "yes" ||
           row.label("pareto") == "yes";
  }));
}

// Neighbouring rows of the same labels belong together.
std::string grouped(const Results& results, const std::vector<std::string>& by, const auto& draw) {
  std::string text;
  const auto title = [&](const Row& row) {
    std::string words;
    for (const std::string& label : by)
      if (const std::string value = row.label(label); !value.empty())
        words += (words.empty() ? "" : ", ") + label + " " + cut(value);
    return words;
  };
  for (std::size_t begin = 0; begin < results.rows.size();) {
    std::vector<const Row*> rows;
    const std::string name = title(results.rows[begin]);
    for (; begin < results.rows.size() && title(results.rows[begin]) == name; ++begin)
      rows.push_back(&results.rows[begin]);
    text += name + ":\n\n" + draw(rows);
  }
  return text;
}

// Breaks at blanks; a word that is wider stands alone.
std::string wrapped(std::string_view text) {
  std::string lines;
  std::size_t width = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (width != 0 && width + 1 + end > kWidth) {
      lines += '\n';
      width = 0;
    } else if (width != 0) {
      lines += ' ';
      ++width;
    }
    lines += text.substr(0, end);
    width += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines + "\n";
}

std::string tables_of(const Results& results) {
  switch (results.kind) {
    case Kind::kReplay:
      return across(rows_where(results, [](const Row&) { return true; }));
    case Kind::kAdvise:
      return advise_tables(results);
    case Kind::kVerify:
      return grouped(results, {"policy"}, across);
    case Kind::kSweep:
      break;
  }
  return grouped(results, {"command", "machine", "profile"}, downwards);
}

}  // namespace

void results_markdown(const Results& results, Output& out) {
  out.write(wrapped(fmt::format("quire {} of {}", kind_name(results.kind), plain(results.about))) + "\n");
  for (const std::string& line : results.verdict) out.write(wrapped(plain(line)));
  if (!results.verdict.empty()) out.write("\n");
  out.write(tables_of(results));
  for (const std::string& line : results.commands) out.write("    " + line + "\n");
  if (!results.commands.empty()) out.write("\n");
  for (const std::string& note : results.notes) out.write(wrapped("Note: " + plain(note)));
}

}  // namespace quire::exports
