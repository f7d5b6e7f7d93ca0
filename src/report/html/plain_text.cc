#include "report/html/plain_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/html/escape.h"
#include "report/html/page_html.h"
#include "trace/utf8.h"

namespace quire::report {
namespace {

constexpr std::size_t kMostCell = 34;
constexpr std::size_t kGap = 2;

std::size_t first_length(std::string_view text) {
  return std::max<std::size_t>(trace::first_utf8(text).length, 1);
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (; !text.empty(); ++width) text.remove_prefix(first_length(text));
  return width;
}

// Broken between words, and within words that are too long.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines{""};
  const std::size_t indent = std::min(text.find_first_not_of(' '), text.size());
  lines.back() = std::string(text.substr(0, indent));
  text.remove_prefix(indent);
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t used = width_of(lines.back());
    const bool fresh = used == 0 || used == indent;
    if (!fresh && used + 1 + width_of(word) > width) {
      lines.emplace_back();
    } else if (!fresh) {
      lines.back() += ' ';
    }
    for (; !word.empty(); word.remove_prefix(first_length(word))) {
      if (width_of(lines.back()) == width) lines.emplace_back();
      lines.back() += word.substr(0, first_length(word));
    }
  }
  return lines;
}

std::string indented(std::string_view text, std::string_view before) {
  std::string all;
  for (const std::string& line : wrapped(visible(text), kTextWidth - before.size()))
    all += fmt::format("{}{}\n", before, line);
  return all;
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return align == Align::kLeft ? text + space : space + text;
}

// Some columns of a table that fit beside the first.
class Columns {
 public:
  Columns(const Table& table, std::vector<std::size_t> columns)
      : table_(table), columns_(std::move(columns)) {
    for (const std::size_t c : columns_) widths_.push_back(width(table_, c));
  }

  [[nodiscard]] static std::size_t width(const Table& table, std::size_t column) {
    std::size_t widest = width_of(visible(table.headings[column].text));
    for (const auto& row : table.rows) widest = std::max(widest, width_of(visible(row[column].text)));
    return std::min(widest, kMostCell);
  }

  [[nodiscard]] std::string text() const {
    std::vector<std::string> headings;
    for (const Heading& heading : table_.headings) headings.push_back(heading.text);
    std::string all = row(headings) + rule();
    for (const auto& cells : table_.rows) {
      std::vector<std::string> texts;
      for (const Cell& cell : cells) texts.push_back(cell.text);
      all += row(texts);
    }
    return all;
  }

 private:
  [[nodiscard]] std::string row(const std::vector<std::string>& texts) const {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      cells.push_back(wrapped(visible(texts[columns_[i]]), widths_[i]));
      height = std::max(height, cells.back().size());
    }
    std::string all;
    for (std::size_t line = 0; line < height; ++line) {
      std::string one;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const std::string part = line < cells[i].size() ? cells[i][line] : "";
        one += (i == 0 ? "" : std::string(kGap, ' ')) +
               padded(part, widths_[i], table_.headings[columns_[i]].align);
      }
      one.erase(one.find_last_not_of(' ') + 1);
      all += one + "\n";
    }
    return all;
  }
  [[nodiscard]] std::string rule() const {
    std::size_t width = 0;
    for (const std::size_t w : widths_) width += w + kGap;
    return std::string(width - kGap, '-') + "\n";
  }

  const Table& table_;
  std::vector<std::size_t> columns_;
  std::vector<std::size_t> widths_;
};

std::string table_text(const Table& table) {
  std::string all = table.caption.empty() ? "" : indented(table.caption, "");
  std::size_t next = table.keys;
  do {
    std::vector<std::size_t> columns{0};
    std::size_t width = Columns::width(table, 0);
    for (std::size_t key = 1; key < table.keys; ++key) {
      columns.push_back(key);
      width += kGap + Columns::width(table, key);
    }
    while (next < table.headings.size() && width + kGap + Columns::width(table, next) <= kTextWidth) {
      width += kGap + Columns::width(table, next);
      columns.push_back(next++);
    }
    all += Columns(table, columns).text() + "\n";
  } while (next < table.headings.size());
  all.pop_back();
  if (const std::string runs = runs_of(table); !runs.empty()) all += "from " + runs + "\n";
  return all;
}

std::string lines_text(const Lines& lines) {
  std::string all = visible(lines.title) + "\n";
  for (const std::string& line : lines.lines) all += "    " + visible(line) + "\n";
  return all;
}

struct BlockText {
  std::string operator()(const Paragraph& p) const {
    return indented(p.text, p.kind == Paragraph::Kind::kWarning ? "! " : "");
  }
  std::string operator()(const Table& table) const {
    return table.open == Table::Open::kFolded ? "" : table_text(table);
  }
  std::string operator()(const Missing& missing) const {
    std::string all = indented(missing.what, "  ");
    if (!missing.command.empty()) all += "  would say it:\n    " + visible(missing.command) + "\n";
    return all;
  }
  std::string operator()(const Lines& lines) const { return lines_text(lines); }
  std::string operator()(const Picture&) const { return ""; }
};

}  // namespace

std::string text_of(const Section& section) {
  const std::string title = visible(section.title);
  std::string all = title + "\n" + std::string(width_of(title), '=') + "\n";
  for (const Block& block : section.blocks)
    if (const std::string text = std::visit(BlockText(), block); !text.empty()) all += "\n" + text;
  return all;
}

std::string text_of(const Verdict& verdict) {
  std::string all = indented(verdict.subject, "") + "\n" + indented("VERDICT: " + verdict.verdict, "");
  if (!verdict.confidence.empty()) all += indented("Confidence: " + verdict.confidence, "");
  for (const std::string& warning : verdict.warnings) all += indented(warning, "! ");
  if (!verdict.table.rows.empty()) all += "\n" + table_text(verdict.table) + "\n";
  for (const auto& [title, text] : verdict.facts) all += indented(title + ": " + text, "");
  for (const Lines& lines : verdict.lines) all += lines_text(lines);
  return all;
}

}  // namespace quire::report
