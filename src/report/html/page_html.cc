#include "report/html/page_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/html/escape.h"

namespace quire::report {
namespace {

std::string element(const char* tag, const char* css_class, std::string_view text) {
  return fmt::format("<{0} class=\"{1}\">{2}</{0}>\n", tag, css_class, html_escape(text));
}

// What the tone says, for those who see no colour.
const char* mark_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kUnmeasured:
      return " unmeasured";
    case Tone::kBetter:
      return " better";
    case Tone::kWorse:
      break;
  }
  return " worse";
}

enum class Place : std::uint8_t { kHeadsRow, kInRow };

std::string cell_html(const Cell& cell, Align align, Place place) {
  const bool heads_row = place == Place::kHeadsRow;
  const char* const tag = heads_row ? "th" : "td";
  std::string html = fmt::format("<{}{} class=\"{}{}\"", tag, heads_row ? " scope=\"row\"" : "",
                                 align == Align::kLeft ? "l" : "n", mark_of(cell.tone));
  if (!cell.origin.empty()) html += fmt::format(" title=\"{}\"", html_escape(cell.origin));
  // Leading spaces are how figures say that they are part of the one above.
  const std::size_t indent = cell.text.find_first_not_of(' ');
  std::string text = html_escape(cell.text);
  if (indent != std::string::npos && indent > 0)
    text = fmt::format("<span class=\"in\">{}</span>", html_escape(cell.text.substr(indent)));
  return html + fmt::format(">{}</{}>", text, tag);
}

std::string table_html(const Table& table) {
  std::string html;
  if (!table.caption.empty() && table.open == Table::Open::kOpen)
    html += fmt::format("<h3>{}</h3>\n", html_escape(table.caption));
  html += "<div class=\"scroll\"><table>\n";
  html += "<thead><tr>";
  for (const Heading& heading : table.headings)
    html += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>", heading.align == Align::kLeft ? "l" : "n",
                        html_escape(heading.text));
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      html += cell_html(row[i], table.headings[i].align, i == 0 ? Place::kHeadsRow : Place::kInRow);
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (const std::string runs = runs_of(table); !runs.empty())
    html += fmt::format("<p class=\"from\">from <a href=\"#sources\">{}</a></p>\n", html_escape(runs));
  return html;
}

struct BlockHtml {
  std::string operator()(const Paragraph& p) const {
    constexpr const char* kClasses[] = {"plain", "note", "warning"};
    return element("p", kClasses[static_cast<std::size_t>(p.kind)], p.text);
  }
  std::string operator()(const Table& table) const {
    if (table.open == Table::Open::kOpen) return table_html(table);
    return fmt::format("<details><summary>{} ({} rows)</summary>\n{}</details>\n", html_escape(table.caption),
                       table.rows.size(), table_html(table));
  }
  std::string operator()(const Missing& missing) const {
    std::string html = fmt::format("<p class=\"missing\">{}", html_escape(missing.what));
    if (!missing.command.empty())
      html += fmt::format(" <span class=\"would\">would say it: <code>{}</code></span>",
                          html_escape(missing.command));
    return html + "</p>\n";
  }
  std::string operator()(const Lines& lines) const {
    std::string html = fmt::format("<h3>{}</h3>\n<pre class=\"lines\">", html_escape(lines.title));
    for (const std::string& line : lines.lines) html += html_escape(line) + "\n";
    return html + "</pre>\n";
  }
  std::string operator()(const Picture& picture) const {
    const char* const kind = picture.kind == Picture::Kind::kChart ? "chart" : "folio-map";
    return fmt::format(
        "<figure class=\"{0}\" id=\"{1}\"><h3>{2}</h3>\n<div class=\"drawing\" "
        "data-picture=\"{1}\"></div>\n<figcaption>{3}</figcaption></figure>\n",
        kind, html_escape(picture.id), html_escape(picture.title), html_escape(picture.caption));
  }
};

}  // namespace

std::string runs_of(const Table& table) {
  std::set<std::string> labels;
  for (const auto& row : table.rows) {
    for (const Cell& cell : row) {
      // "A /policies/0/x" and "A /x; beside B /y": a label stands before each pointer.
      for (std::size_t at = cell.origin.find(" /"); at != std::string::npos;
           at = cell.origin.find(" /", at + 1)) {
        const std::size_t begin = at == 0 ? 0 : cell.origin.rfind(' ', at - 1) + 1;
        const std::string label = cell.origin.substr(begin, at - begin);
        if (!label.empty() && label[0] >= 'A' && label[0] <= 'Z' && label.size() < 8) labels.insert(label);
      }
    }
  }
  std::string text;
  for (const std::string& label : labels) text += (text.empty() ? "" : ", ") + label;
  return text;
}

std::string html_of(const Section& section) {
  std::string html =
      fmt::format("<section id=\"{}\"><h2>{}</h2>\n", html_escape(section.id), html_escape(section.title));
  for (const Block& block : section.blocks) html += std::visit(BlockHtml(), block);
  return html + "</section>\n";
}

std::string html_of(const Verdict& verdict) {
  std::string html = "<section class=\"verdict\">\n" + element("p", "subject", verdict.subject) +
                     element("p", "sentence", verdict.verdict);
  if (!verdict.confidence.empty())
    html +=
        fmt::format("<p class=\"confidence\"><b>Confidence</b> {}</p>\n", html_escape(verdict.confidence));
  for (const std::string& warning : verdict.warnings) html += element("p", "warning", warning);
  if (!verdict.table.rows.empty()) html += table_html(verdict.table);
  html += "<dl>\n";
  for (const auto& [title, text] : verdict.facts)
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_escape(title), html_escape(text));
  for (const Lines& lines : verdict.lines) {
    html += fmt::format("<dt>{}</dt><dd><pre class=\"lines\">", html_escape(lines.title));
    for (const std::string& line : lines.lines) html += html_escape(line) + "\n";
    html += "</pre></dd>\n";
  }
  return html + "</dl></section>\n";
}

}  // namespace quire::report
