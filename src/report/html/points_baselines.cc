#include <fmt/format.h>

#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

constexpr const char* kAdvise = "quire advise {} --json > advice.json";

// The entries of `list` that advice on this program holds, of all its answers.
std::vector<Part> entries(const Subject& subject, const char* list) {
  std::vector<Part> parts;
  for (const Part& advice : subject.advice) {
    const auto at = advice.json().find(list);
    if (at == advice.json().end()) continue;
    for (std::size_t i = 0; i < at->size(); ++i)
      parts.push_back(*advice.part(fmt::format("/{}/{}", list, i)));
  }
  return parts;
}

std::vector<Cell> figures_of(const Part& part) {
  return {cell_of(part.number("/kernel_ns"), Unit::kNanoseconds, Tone::kUnmeasured),
          cell_of(part.number("/minor_faults"), Unit::kCount, Tone::kUnmeasured),
          cell_of(part.number("/peak_resident_bytes"), Unit::kBytes, Tone::kUnmeasured),
          cell_of(part.number("/wasted_at_peak_bytes"), Unit::kBytes, Tone::kUnmeasured),
          cell_of(part.number("/wasted_at_end_bytes"), Unit::kBytes, Tone::kUnmeasured),
          cell_of(part.number("/copied_pages"), Unit::kCount, Tone::kUnmeasured),
          cell_of(part.number("/collapsed_blocks"), Unit::kCount, Tone::kUnmeasured)};
}

std::vector<Cell> row_of(Cell name, const Part& part) {
  std::vector<Cell> cells{std::move(name)};
  for (Cell& cell : figures_of(part)) cells.push_back(std::move(cell));
  return cells;
}

// What a policy stands for, so that the baselines are read beside it.
void add_reference(Table& table, const char* what, const PolicyView* view) {
  if (view == nullptr || !view->candidate) return;
  table.rows.push_back(
      row_of({fmt::format("{}: {}", what, view->title()), view->candidate->origin()}, *view->candidate));
}

Table baseline_table(const Model& model, const Subject& subject, const std::vector<Part>& baselines) {
  Table table{captioned(model, subject, "Time and memory of the baselines"),
              {{"", Align::kLeft},
               {"kernel time"},
               {"faults"},
               {"peak memory"},
               {"never touched"},
               {"at the end"},
               {"pages copied"},
               {"collapsed"}},
              {}};
  if (subject.recommended() != subject.now()) add_reference(table, "recommended", subject.recommended());
  add_reference(table, "the host", subject.now());
  for (const Part& one : baselines)
    if (one.text("/missing").empty()) table.rows.push_back(row_of({one.text("/name"), one.origin()}, one));
  return table;
}

// How each is had without a patch, and what is to be known of its row.
Table today_table(const Model& model, const Subject& subject, const std::vector<Part>& baselines) {
  Table table{captioned(model, subject, "You could do this today, without a patch"),
              {{"baseline", Align::kLeft}, {"with", Align::kLeft}, {"but", Align::kLeft}},
              {}};
  for (const Part& one : baselines) {
    const std::string missing = one.text("/missing");
    const std::string caveat = one.text("/caveat");
    const std::string but = missing.empty() ? caveat : "no row: " + missing;
    table.rows.push_back(
        {{one.text("/name"), one.origin()}, {one.text("/today")}, {but.empty() ? "–" : but}});
  }
  return table;
}

Cell difference_cell(const Part& part, const char* key, Unit unit) {
  const auto by = part.number(key);
  if (!by) return {"–"};
  if (by->value == 0) return {"same", by->origin};
  const bool less = by->value < 0;
  return {fmt::format("{}{}", less ? "−" : "+", number_text(less ? -by->value : by->value, unit)), by->origin,
          less ? Tone::kBetter : Tone::kWorse};
}

Table ablation_table(const Model& model, const Subject& subject, const std::vector<Part>& ablation,
                     const PolicyView& recommended) {
  Table table{
      captioned(model, subject,
                fmt::format("One thing taken away or changed in {}, losers first", recommended.title())),
      {{"change", Align::kLeft},
       {"kernel time"},
       {"beside it"},
       {"peak memory"},
       {"beside it"},
       {"carried by", Align::kLeft},
       {"note", Align::kLeft}},
      {}};
  for (const Part& one : ablation) {
    const std::string missing = one.text("/missing");
    const std::string note = missing.empty() ? one.text("/caveat") : missing;
    table.rows.push_back({{one.text("/name"), one.origin()},
                          cell_of(one.number("/kernel_ns"), Unit::kNanoseconds, Tone::kUnmeasured),
                          difference_cell(one, "/kernel_ns_difference", Unit::kNanoseconds),
                          cell_of(one.number("/peak_resident_bytes"), Unit::kBytes, Tone::kUnmeasured),
                          difference_cell(one, "/peak_resident_bytes_difference", Unit::kBytes),
                          {one.text("/today")},
                          {note.empty() ? "–" : note}});
  }
  return table;
}

}  // namespace

Section baselines(const Model& model) {
  Section section{"baselines", "3. Baselines that hurt the case"};
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    const std::vector<Part> baselines = entries(subject, "baselines");
    if (baselines.empty()) {
      section.blocks.emplace_back(Missing{
          captioned(model, subject, "No baselines: they are part of advice, and no RUN here advises."),
          fmt::format(kAdvise, file_of(subject))});
      continue;
    }
    section.blocks.emplace_back(baseline_table(model, subject, baselines));
    section.blocks.emplace_back(today_table(model, subject, baselines));
  }
  return section;
}

void add_ablation(const Model& model, const Subject& subject, Section& section) {
  const std::vector<Part> ablation = entries(subject, "ablation");
  const PolicyView* const recommended = subject.recommended();
  if (ablation.empty() || recommended == nullptr) {
    section.blocks.emplace_back(
        Missing{captioned(model, subject, "No ablation: it is part of advice, and no RUN here advises."),
                fmt::format(kAdvise, file_of(subject))});
    return;
  }
  section.blocks.emplace_back(ablation_table(model, subject, ablation, *recommended));
}

}  // namespace quire::report
