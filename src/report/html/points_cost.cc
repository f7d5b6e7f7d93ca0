#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

const std::vector<FigureRow> kTimes{{"minor faults", "/minor_faults", Unit::kCount},
                                    {"kernel time", "/kernel_ns", Unit::kNanoseconds},
                                    {"  in faults", "/fault_ns", Unit::kNanoseconds},
                                    {"  of it copying", "/copy_ns", Unit::kNanoseconds},
                                    {"  in fork", "/fork_ns", Unit::kNanoseconds},
                                    {"  in unmapping and exit", "/unmap_ns", Unit::kNanoseconds},
                                    {"fault p50", "/fault_ns_p50", Unit::kNanoseconds},
                                    {"fault p99", "/fault_ns_p99", Unit::kNanoseconds},
                                    {"fault p99.9", "/fault_ns_p999", Unit::kNanoseconds},
                                    {"longest fault", "/fault_ns_max", Unit::kNanoseconds}};

const std::vector<FigureRow> kMemory{{"peak resident", "/peak_resident_bytes", Unit::kBytes},
                                     {"  never touched", "/wasted_at_peak_bytes", Unit::kBytes},
                                     {"resident at the end", "/final_resident_bytes", Unit::kBytes},
                                     {"  never touched", "/wasted_at_end_bytes", Unit::kBytes},
                                     {"peak RSS of one process", "/peak_rss_bytes", Unit::kBytes},
                                     {"peak page tables", "/peak_page_tables_bytes", Unit::kBytes},
                                     {"pages copied, of 4 KiB", "/copied_pages", Unit::kCount},
                                     {"folio splits", "/folio_splits", Unit::kCount},
                                     {"2 MiB map splits", "/pmd_splits", Unit::kCount}};

// Kernel time for a thousand faults, worked out here.
void add_per_thousand(Table& table, const std::vector<const PolicyView*>& views) {
  std::vector<Cell> cells{{"kernel time per 1,000 faults"}};
  for (const PolicyView* const view : views) {
    const auto ns = view->predicted("/kernel_ns");
    const auto faults = view->predicted("/minor_faults");
    if (ns && faults && faults->value > 0) {
      cells.push_back({number_text(ns->value * 1000 / faults->value, Unit::kNanoseconds),
                       fmt::format("{} / {}", ns->origin, faults->origin), Tone::kUnmeasured});
    } else {
      cells.push_back({"–"});
    }
    if (view->verified) cells.insert(cells.end(), {Cell{"–"}, Cell{"–"}});
  }
  table.rows.push_back(std::move(cells));
}

// Whether something became less beside `small`, and nothing more.
bool only_gains(const PolicyView& view, const PolicyView& small) {
  bool gains = false;
  for (const auto* rows : {&kTimes, &kMemory}) {
    for (const FigureRow& row : *rows) {
      const auto value = view.predicted(row.key);
      const auto base = small.predicted(row.key);
      if (!value || !base) continue;
      if (value->value > base->value) return false;
      gains = gains || value->value < base->value;
    }
  }
  return gains;
}

void flag_only_gains(const Model& model, const Subject& subject, Section& section) {
  const PolicyView* const small = subject.small();
  if (small == nullptr) return;
  for (const PolicyView* const view : subject.shown(kSideBySide)) {
    if (!only_gains(*view, *small)) continue;
    section.blocks.emplace_back(Paragraph{
        captioned(
            model, subject,
            fmt::format("{} shows only gains beside 4K. Take that as incomplete: what these RUNs do not hold "
                        "(fragmented memory, reclaim, other programs) is where a loss would be.",
                        view->title())),
        Paragraph::Kind::kWarning});
  }
}

void add_fallbacks(const Model& model, const Subject& subject, Section& section) {
  Table table{captioned(model, subject, "Allocations in faults that failed and fell back to a smaller size"),
              {{"policy", Align::kLeft}},
              {}};
  std::vector<std::string> sizes;
  for (const PolicyView* const view : subject.shown(kSideBySide)) {
    const auto counters = view->replayed ? view->replayed->part("/counters") : std::nullopt;
    if (!counters) continue;
    std::vector<Cell> cells{{view->title()}};
    for (const auto& [name, value] : counters->json().items()) {
      if (!value.is_object()) continue;
      if (table.rows.empty()) table.headings.push_back({name.substr(name.find('-') + 1)});
      cells.push_back(
          cell_of(counters->number(child(name) + "/anon_fault_fallback"), Unit::kCount, Tone::kUnmeasured));
    }
    cells.resize(table.headings.size(), Cell{"–"});
    table.rows.push_back(std::move(cells));
  }
  if (!table.rows.empty()) section.blocks.emplace_back(std::move(table));
}

std::string percent_text(double share) { return fmt::format("{:.0f} %", share * 100); }

// A row for each program and policy, a column for each share of allocations that fail.
Table fragmentation_table(const Part& sweep) {
  std::map<double, std::size_t> columns;
  std::map<std::string, std::vector<Cell>> rows;
  for (const Json& result : sweep.json()["results"]) columns[result.value("fragmentation", 0.0)] = 0;
  Table table{"Kernel time where that share of the allocations of large folios fails",
              {{"program", Align::kLeft}, {"policy", Align::kLeft}, {"machine", Align::kLeft}},
              {}};
  for (auto& [share, column] : columns) {
    column = table.headings.size();
    table.headings.push_back({percent_text(share)});
  }
  for (std::size_t i = 0; i < sweep.json()["results"].size(); ++i) {
    const Part one = *sweep.part(fmt::format("/results/{}", i));
    const auto ram = one.number("/ram_bytes");
    const std::string machine =
        fmt::format("{}, {}", number_text(ram ? ram->value : 0, Unit::kBytes), one.text("/profile"));
    // The hash keeps two recordings of one command apart.
    auto& cells = rows[fmt::format("{}|{}|{}|{}", one.text("/command"), one.text("/recording"), machine,
                                   one.text("/policy"))];
    if (cells.empty()) cells = {{one.text("/command"), one.origin()}, {one.text("/policy")}, {machine}};
    cells.resize(table.headings.size(), Cell{"–"});
    cells[columns.at(one.json().value("fragmentation", 0.0))] =
        cell_of(one.number("/kernel_ns"), Unit::kNanoseconds, Tone::kUnmeasured);
  }
  for (auto& [key, cells] : rows) table.rows.push_back(std::move(cells));
  return table;
}

bool has_fragmentation(const Part& sweep) {
  return std::ranges::any_of(sweep.json()["results"],
                             [](const Json& one) { return one.value("fragmentation", 0.0) > 0; });
}

void add_sweeps(const Model& model, Section& section) {
  for (const Part& sweep : model.sweeps) {
    if (has_fragmentation(sweep)) section.blocks.emplace_back(fragmentation_table(sweep));
    Table table{"The same under every machine of the sweep",
                {{"program", Align::kLeft},
                 {"policy", Align::kLeft},
                 {"memory of the machine"},
                 {"fragmented"},
                 {"priced by", Align::kLeft},
                 {"kernel time"},
                 {"fault p99"},
                 {"peak memory"},
                 {"faults"}},
                {},
                Table::Open::kFolded};
    for (std::size_t i = 0; i < sweep.json()["results"].size(); ++i) {
      const Part one = *sweep.part(fmt::format("/results/{}", i));
      table.rows.push_back({{one.text("/command"), one.origin()},
                            {one.text("/policy")},
                            cell_of(one.number("/ram_bytes"), Unit::kBytes),
                            {percent_text(one.json().value("fragmentation", 0.0))},
                            {one.text("/profile")},
                            cell_of(one.number("/kernel_ns"), Unit::kNanoseconds, Tone::kUnmeasured),
                            cell_of(one.number("/fault_ns_p99"), Unit::kNanoseconds, Tone::kUnmeasured),
                            cell_of(one.number("/peak_resident_bytes"), Unit::kBytes, Tone::kUnmeasured),
                            cell_of(one.number("/minor_faults"), Unit::kCount, Tone::kUnmeasured)});
    }
    section.blocks.emplace_back(std::move(table));
  }
}

}  // namespace

Section both_columns(const Model& model) {
  Section section{"both", "2. Time and memory, always both"};
  for (const Subject& subject : model.subjects) {
    if (subject.only_swept()) continue;
    const auto views = subject.shown(kSideBySide);
    Table times = figures_table(captioned(model, subject, "Time"), views, kTimes);
    add_per_thousand(times, views);
    section.blocks.emplace_back(std::move(times));
    section.blocks.emplace_back(figures_table(captioned(model, subject, "Memory"), views, kMemory));
    flag_only_gains(model, subject, section);
    if (std::ranges::none_of(views, [](const PolicyView* v) { return v->verified.has_value(); }))
      section.blocks.emplace_back(Missing{
          captioned(model, subject, "All of it is predicted (grey): no RUN here ran this program for real."),
          fmt::format("quire verify --time 11 {} --json > verify.json", file_of(subject))});
  }
  return section;
}

Section no_certainty(const Model& model) {
  Section section{"certainty", "4. No certainty assumed"};
  for (const Subject& subject : model.subjects)
    if (!subject.only_swept()) add_fallbacks(model, subject, section);
  if (section.blocks.empty())
    section.blocks.emplace_back(
        Missing{"No RUN here counted allocations that failed.", "quire replay FILE --json"});
  add_sweeps(model, section);
  if (model.sweeps.empty())
    section.blocks.emplace_back(
        Missing{"One size of machine only; other sizes of memory and other machines are a sweep.",
                "quire sweep FILE --space space.toml -o sweep.sqlite --json > sweep.json"});
  if (std::ranges::none_of(model.sweeps, has_fragmentation))
    section.blocks.emplace_back(Missing{
        "Every replay here has unfragmented memory; on a fragmented host large sizes fail more often.",
        "quire sweep FILE --space space.toml -o sweep.sqlite --json > sweep.json, with fragmentation = "
        "[0, 0.25, 0.5, 0.75, 0.95] in the space"});
  section.blocks.emplace_back(
      Missing{"A sweep over pressure: reclaim, swap and migration are no part of a replay. Compaction, which "
              "could make "
              "room where an allocation fails, is none either."});
  return section;
}

}  // namespace quire::report
