// Pictures, and tables of mappings.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "report/html/escape.h"
#include "report/html/numbers.h"
#include "report/html/sections.h"
#include "vm/not_huge.h"

namespace quire::report {
namespace {

constexpr std::size_t kMostMappings = 12;  // of a policy

bool any_has(const std::vector<const PolicyView*>& views, const char* member) {
  return std::ranges::any_of(
      views, [member](const PolicyView* v) { return v->replayed && v->replayed->json().contains(member); });
}

void cost_picture(const Model& model, const Subject& subject, std::size_t i, Section& section) {
  const auto views = subject.shown(kSideBySide);
  const bool measured =
      std::ranges::any_of(views, [](const PolicyView* v) { return v->verified.has_value(); });
  constexpr const char* kMeasured =
      "Hatched: predicted. Solid: measured; whiskers are 95 % intervals, or the lowest and highest of "
      "several recordings. "
      "All from zero; less is better.";
  constexpr const char* kPredicted =
      "Hatched and grey: predictions beside which nothing was measured. All from zero; less is better.";
  section.blocks.emplace_back(Picture{Picture::Kind::kChart, fmt::format("cost-{}", i),
                                      captioned(model, subject, "Time, memory and faults by policy"),
                                      measured ? kMeasured : kPredicted});
}

void faults_picture(const Model& model, const Subject& subject, std::size_t i, Section& section) {
  if (!any_has(subject.shown(kSideBySide), "fault_times")) {
    section.blocks.emplace_back(Missing{
        captioned(model, subject, "No histogram of fault times: no RUN here is a replay of this program."),
        fmt::format("quire replay {} --json --timeline 200 > replay.json", file_of(subject))});
    return;
  }
  section.blocks.emplace_back(Picture{Picture::Kind::kChart, fmt::format("faults-{}", i),
                                      captioned(model, subject, "How long single faults take"),
                                      "Across: time of one fault, in steps of a quarter of a power of two. "
                                      "Up: faults, on a logarithmic scale. "
                                      "Prices are means of a quiet machine: no waiting, no compaction."});
}

void pareto_picture(const Model& model, const Subject& subject, std::size_t i, Section& section) {
  if (subject.advice.empty()) return;
  section.blocks.emplace_back(
      Picture{Picture::Kind::kChart, fmt::format("pareto-{}", i),
              captioned(model, subject, "Every policy that was tried"),
              "Across: peak memory. Up: kernel time. Ringed: no other policy is both "
              "faster and smaller. Left and low is better. The memory axis does not begin at zero."});
}

// A reason that this Quire knows, as people say it.
std::string words_of(const std::string& name) {
  for (const vm::NotHuge why : vm::all_reasons())
    if (vm::name_of(why) == name) return std::string(vm::words_of(why));
  return name;
}

// "5.4 MiB block already populated, 8.0 KiB split": the most first.
std::string reasons_of(const Part& mapping) {
  const auto reasons = mapping.part("/not_huge");
  if (!reasons) return "–";
  std::vector<std::pair<double, std::string>> found;
  for (const auto& [name, bytes] : reasons->json().items())
    if (bytes.get<double>() > 0) found.emplace_back(bytes.get<double>(), words_of(name));
  std::ranges::stable_sort(found, std::greater<>(), [](const auto& one) { return one.first; });
  std::string text;
  for (const auto& [bytes, words] : found)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number_text(bytes, Unit::kBytes), words);
  return text.empty() ? "–" : text;
}

std::string address_of(const Part& mapping) {
  const auto& json = mapping.json();
  const auto start = json.find("start");
  return start != json.end() && start->is_number_unsigned()
             ? fmt::format("{:#x}", start->get<std::uint64_t>())
             : "–";
}

double resident(const Part& mapping) {
  const auto bytes = mapping.number("/resident_bytes");
  return bytes ? bytes->value : 0;
}

// Those that hold most, the most first.
std::vector<Part> largest_mappings(const Part& policy) {
  std::vector<Part> mappings;
  for (std::size_t i = 0; i < policy.json()["mappings"].size(); ++i)
    mappings.push_back(*policy.part(fmt::format("/mappings/{}", i)));
  std::ranges::stable_sort(mappings, std::greater<>(), &resident);
  if (mappings.size() > kMostMappings) mappings.erase(mappings.begin() + kMostMappings, mappings.end());
  return mappings;
}

Table use_table(const std::string& caption, const Part& policy) {
  constexpr std::array kColumns{
      std::pair{"resident", "/resident_bytes"}, std::pair{"never touched", "/never_touched_bytes"},
      std::pair{"stranded", "/stranded_bytes"}, std::pair{"zero-filled", "/zero_filled_bytes"}};
  Table table{caption, {{"mapping", Align::kLeft}, {"process", Align::kLeft}, {"from", Align::kLeft}}, {}};
  for (const auto& [heading, key] : kColumns) table.headings.push_back({heading});
  table.headings.push_back({"why not huge", Align::kLeft});
  for (const Part& one : largest_mappings(policy)) {
    std::vector<Cell> cells{{one.text("/name"), one.origin()}, {one.text("/process")}, {address_of(one)}};
    for (const auto& [heading, key] : kColumns) cells.push_back(cell_of(one.number(key), Unit::kBytes));
    cells.push_back({reasons_of(one), one.origin() + "/not_huge"});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// One table is enough to begin with: that of the recommendation, else the first.
void add_use_tables(const Model& model, const Subject& subject, Section& section) {
  std::vector<const PolicyView*> views;
  for (const PolicyView* const view : subject.shown(kSideBySide))
    if (view->replayed && view->replayed->json().contains("mappings")) views.push_back(view);
  if (views.empty()) return;
  const auto chosen = std::ranges::find(views, subject.recommended());
  const PolicyView* const open = chosen == views.end() ? views.front() : *chosen;
  for (const PolicyView* const view : views) {
    Table table = use_table(captioned(model, subject, "Under " + view->title()), *view->replayed);
    if (view != open) table.open = Table::Open::kFolded;
    section.blocks.emplace_back(std::move(table));
  }
}

}  // namespace

Section figures_section(const Model& model) {
  Section section{"figures", "Time, memory, faults"};
  for (std::size_t i = 0; i < model.subjects.size(); ++i) {
    if (model.subjects[i].only_swept()) continue;
    cost_picture(model, model.subjects[i], i, section);
    faults_picture(model, model.subjects[i], i, section);
    pareto_picture(model, model.subjects[i], i, section);
  }
  return section;
}

Section along_the_run_section(const Model& model) {
  Section section{"run", "Along the run"};
  for (std::size_t i = 0; i < model.subjects.size(); ++i) {
    const Subject& subject = model.subjects[i];
    if (subject.only_swept()) continue;
    if (!any_has(subject.shown(kSideBySide), "timeline")) {
      section.blocks.emplace_back(
          Missing{captioned(model, subject,
                            "No picture of memory along the run, and no folio map: no RUN here has a "
                            "timeline of this program."),
                  fmt::format("quire replay {} --json --timeline 200 > replay.json", file_of(subject))});
      continue;
    }
    section.blocks.emplace_back(
        Picture{Picture::Kind::kChart, fmt::format("memory-{}", i),
                captioned(model, subject, "Resident memory by folio size"),
                "Across: events of the recording, evenly spaced. Up: bytes in folios, each counted once, one "
                "scale for all policies. "
                "Dashed line: of all these, bytes in pages that no task had touched yet."});
    section.blocks.emplace_back(Picture{Picture::Kind::kFolioMap, fmt::format("map-{}", i),
                                        captioned(model, subject, "Folio map"),
                                        "Across: events. Up: addresses of anonymous memory, gaps left out. "
                                        "Colour: size of the folio, named at the right end "
                                        "too, as it was when that part last held most. Point at it, or focus "
                                        "it and use the arrow keys, for mapping, size and "
                                        "reason."});
  }
  return section;
}

Section mappings_section(const Model& model) {
  Section section{"mappings", "Where the memory is, and why it is not huge"};
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    if (any_has(subject.shown(kSideBySide), "mappings")) {
      add_use_tables(model, subject, section);
      continue;
    }
    section.blocks.emplace_back(
        Missing{captioned(model, subject, "No table of mappings: no RUN here looked at them."),
                fmt::format("quire replay {} --json --by-mapping > replay.json", file_of(subject))});
  }
  section.blocks.emplace_back(
      Paragraph{"The mappings that hold most, when memory was last at its peak. Never touched: came with a "
                "large folio, and nobody "
                "used it so far. Stranded: of large folios, unmapped here and mapped nowhere else; only a "
                "split gives it back. "
                "Zero-filled: nobody wrote to it. docs/reference/not-huge.md explains every reason.",
                Paragraph::Kind::kNote});
  return section;
}

Section sources_section(const Model& model) {
  Section section{"sources", "Where every number is from"};
  section.blocks.emplace_back(
      Paragraph{"Each number of this page carries the RUN and the place within it (point at the number, or "
                "see the letters in the tables); numbers that "
                "are worked out of two name both."});
  Table table{"",
              {{"RUN", Align::kLeft},
               {"what", Align::kLeft},
               {"file", Align::kLeft},
               {"XXH3", Align::kLeft},
               {"Quire", Align::kLeft},
               {"made again with", Align::kLeft},
               {"by kernel", Align::kLeft},
               {"machine", Align::kLeft}},
              {}};
  for (const auto& run : model.runs) {
    const Part all(*run, "");
    std::string machine = all.text("/machine/profile");
    if (const auto ram = all.number("/machine/ram_bytes"))
      machine = fmt::format("{}{}simulated, {}", machine, machine.empty() ? "" : ", ",
                            number_text(ram->value, Unit::kBytes));
    if (machine.empty()) machine = run->kind == RunKind::kVerify ? "this kernel, for real" : "–";
    table.rows.push_back({{run->label},
                          {std::string(name_of(run->kind))},
                          {run->name},
                          {run->hash},
                          {all.text("/tool_version")},
                          {run->command},
                          {all.text("/host/kernel_release")},
                          {machine}});
  }
  section.blocks.emplace_back(std::move(table));
  return section;
}

std::string captioned(const Model& model, const Subject& subject, const std::string& text) {
  const bool several = model.subjects.size() > 1;
  return several ? (text.empty() ? subject.name : subject.name + ": " + text) : text;
}

std::string file_of(const Subject& subject) {
  return subject.path.empty() ? "FILE" : shell_word(subject.path);
}

}  // namespace quire::report
