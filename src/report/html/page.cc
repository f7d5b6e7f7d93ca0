#include "report/html/page.h"

#include <fmt/format.h>

#include <array>

#include "report/document.h"
#include "report/html/escape.h"
#include "report/html/page_html.h"
#include "report/html/pictures.h"
#include "report/html/plain_text.h"
#include "report/html/sections.h"
#include "report/html/verdict.h"
#include "report/page_files.h"

namespace quire::report {
namespace {

constexpr std::string_view kMark = "<!-- quire report -->";

std::vector<Section> sections_of(const Model& model) {
  std::vector<Section> sections{figures_section(model), along_the_run_section(model),
                                mappings_section(model)};
  for (Section& point : eleven_points(model)) sections.push_back(std::move(point));
  return sections;
}

std::string nav_html(const std::vector<Section>& sections) {
  std::string html = "<nav>";
  for (const Section& section : sections)
    html += fmt::format("<a href=\"#{}\">{}</a> ", html_escape(section.id), html_escape(section.title));
  return html + "<a href=\"#text\">12. As plain text</a> <a href=\"#sources\">Sources</a></nav>\n";
}

constexpr const char* kSweepAlone = "A sweep alone: nothing is recommended from it. Points 4 to 6 compare.";

std::vector<Verdict> verdicts_of(const Model& model) {
  std::vector<Verdict> verdicts;
  for (const Subject& subject : model.subjects)
    if (!subject.only_swept()) verdicts.push_back(verdict_of(subject));
  if (verdicts.empty()) verdicts.emplace_back().verdict = kSweepAlone;
  return verdicts;
}

// Puts values into the places of a template, in one pass: what a value holds is
// never looked at again.
std::string filled(std::string_view page,
                   const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  std::string text;
  for (;;) {
    const std::size_t at = page.find("{{");
    text += page.substr(0, at);
    if (at == std::string_view::npos) return text;
    const std::size_t end = page.find("}}", at);
    const std::string_view name = page.substr(at + 2, end - at - 2);
    for (const auto& [known, value] : values)
      if (known == name) text += value;
    page.remove_prefix(end + 2);
  }
}

std::string title_of(const Model& model) {
  std::string names;
  for (const Subject& subject : model.subjects)
    names += (names.empty() ? "" : ", ") + shortened(subject.name, 40);
  return names.empty() ? "a sweep" : shortened(names, 120);
}

}  // namespace

std::string plain_page(const Model& model) {
  std::string text;
  for (const Verdict& verdict : verdicts_of(model)) text += text_of(verdict) + "\n";
  text += "All figures are predicted, but those in columns called measured.\n";
  for (const Section& section : sections_of(model)) {
    if (section.id == "figures" || section.id == "run") continue;  // pictures
    text += "\n" + text_of(section);
  }
  return text + "\n" + text_of(sources_section(model));
}

std::string html_page(const Model& model) {
  const std::vector<Section> sections = sections_of(model);
  std::string body;
  for (const Section& section : sections) body += html_of(section);
  std::string verdicts;
  for (const Verdict& verdict : verdicts_of(model)) verdicts += html_of(verdict);
  const std::string nav = nav_html(sections);
  const std::string plain = html_escape_lines(plain_page(model));
  const std::string sources = html_of(sources_section(model));
  const std::string data = script_json(pictures_json(model));
  const std::string title = html_escape(title_of(model));
  return filled(page_files::kPage, {{"title", title},
                                    {"version", tool_version()},
                                    {"style", page_files::kStyle},
                                    {"style_hash", page_files::kStyleHash},
                                    {"chart_hash", page_files::kChartHash},
                                    {"script_hash", page_files::kScriptHash},
                                    {"verdicts", verdicts},
                                    {"nav", nav},
                                    {"sections", body},
                                    {"plain", plain},
                                    {"sources", sources},
                                    {"data", data},
                                    {"chart", page_files::kChart},
                                    {"script", page_files::kScript}});
}

bool is_report(std::string_view beginning) {
  return beginning.substr(0, kMarkBytes).find(kMark) != std::string_view::npos;
}

}  // namespace quire::report
