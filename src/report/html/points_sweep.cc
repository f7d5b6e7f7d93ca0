#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "report/html/escape.h"
#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

constexpr std::size_t kLongName = 40;

// One program on one pair of machine and prices; its results under each policy.
struct Group {
  std::string program;
  std::vector<Part> results;
};

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

std::string machine_of(const Part& result) {
  return fmt::format("{} ({})", result.text("/machine"), result.text("/profile"));
}

bool is_fragmented(const Part& result) { return result.json().value("fragmentation", 0.0) > 0; }
bool is_pressed(const Part& result) { return result.number("/direct_reclaims").has_value(); }

std::vector<Part> results_of(const Part& sweep, const char* list) {
  std::vector<Part> results;
  const auto at = sweep.json().find(list);
  if (at == sweep.json().end()) return results;
  for (std::size_t i = 0; i < at->size(); ++i) results.push_back(*sweep.part(fmt::format("/{}/{}", list, i)));
  return results;
}

// The results by program, in the order of the sweep. The hash keeps two recordings of one command apart.
std::vector<Group> by_program(const Part& sweep) {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> places;
  for (const Part& result : results_of(sweep, "results")) {
    const auto [at, fresh] = places.emplace(result.text("/recording"), groups.size());
    if (fresh) groups.push_back({shortened(result.text("/command"), kLongName), {}});
    groups[at->second].results.push_back(result);
  }
  return groups;
}

// What of the large folios that faults asked for was not to be had.
Cell fallback_cell(const Part& result) {
  const auto got = result.number("/large_folios");
  const auto failed = result.number("/large_fallbacks");
  if (!got || !failed || got->value + failed->value <= 0) return {"–"};
  return {fmt::format("{:.1f} %", failed->value * 100 / (got->value + failed->value)),
          fmt::format("{} / {}", failed->origin, got->origin), Tone::kUnmeasured};
}

Cell killed_cell(const Part& result) {
  const auto kills = result.number("/oom_kills");
  Cell cell = cell_of(kills, Unit::kCount, Tone::kUnmeasured);
  if (kills && kills->value > 0) cell = {"KILLED " + cell.text, cell.origin, Tone::kWorse};
  return cell;
}

// Every policy on every machine: time, memory, and what was not to be had.
Table machines_table(const Group& group) {
  Table table{fmt::format("{}: every policy on every machine", group.program),
              {{"machine", Align::kLeft},
               {"policy", Align::kLeft},
               {"kernel time"},
               {"fault p99"},
               {"peak memory"},
               {"never touched"},
               {"fell back"}},
              {}};
  table.keys = 2;
  for (const Part& one : group.results) {
    const auto figure = [&one](const char* key, Unit unit) {
      return cell_of(one.number(key), unit, Tone::kUnmeasured);
    };
    table.rows.push_back({{machine_of(one), one.origin()},
                          {one.text("/policy")},
                          figure("/kernel_ns", Unit::kNanoseconds),
                          figure("/fault_ns_p99", Unit::kNanoseconds),
                          figure("/peak_resident_bytes", Unit::kBytes),
                          figure("/wasted_at_peak_bytes", Unit::kBytes),
                          fallback_cell(one)});
  }
  return table;
}

// What machines short of memory did about it.
Table pressure_table(const Group& group) {
  Table table{fmt::format("{}: what became of it under pressure, in pages of 4 KiB", group.program),
              {{"machine", Align::kLeft},
               {"policy", Align::kLeft},
               {"swapped out"},
               {"swapped in"},
               {"came back"},
               {"major faults"},
               {"by kswapd"},
               {"directly"},
               {"stalls"},
               {"most in swap"},
               {"killed"}},
              {}};
  table.keys = 2;
  for (const Part& one : group.results) {
    if (!is_pressed(one)) continue;
    std::vector<Cell> cells{{machine_of(one), one.origin()}, {one.text("/policy")}};
    for (const char* const key :
         {"/swapped_out_pages", "/swapped_in_pages", "/refaulted_pages", "/major_faults",
          "/reclaimed_by_kswapd_pages", "/reclaimed_directly_pages", "/direct_reclaims"})
      cells.push_back(cell_of(one.number(key), Unit::kCount, Tone::kUnmeasured));
    cells.push_back(cell_of(one.number("/peak_swap_bytes"), Unit::kBytes, Tone::kUnmeasured));
    cells.push_back(killed_cell(one));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

Table skipped_table(const std::vector<Part>& skipped) {
  Table table{
      "What could not be run",
      {{"program", Align::kLeft}, {"policy", Align::kLeft}, {"machine", Align::kLeft}, {"why", Align::kLeft}},
      {}};
  for (const Part& one : skipped)
    table.rows.push_back({{one.text("/command"), one.origin()},
                          {one.text("/policy")},
                          {machine_of(one)},
                          {one.text("/reason")}});
  return table;
}

void add_sweep(const Part& sweep, std::size_t number, Section& section) {
  const std::vector<Group> groups = by_program(sweep);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    section.blocks.emplace_back(Picture{Picture::Kind::kChart, sweep_picture(number, i),
                                        groups[i].program + ", over the machines",
                                        "Across: the machines of the sweep, the smallest first; a line a "
                                        "policy. Every axis begins at zero. A "
                                        "point is missing where the combination could not be run."});
    section.blocks.emplace_back(machines_table(groups[i]));
    Table pressure = pressure_table(groups[i]);
    if (!pressure.rows.empty()) section.blocks.emplace_back(std::move(pressure));
  }
  const std::vector<Part> skipped = results_of(sweep, "skipped");
  if (!skipped.empty()) section.blocks.emplace_back(skipped_table(skipped));
}

bool any(const Model& model, bool (*is)(const Part&)) {
  return std::ranges::any_of(model.sweeps, [is](const Part& sweep) {
    return std::ranges::any_of(results_of(sweep, "results"), is);
  });
}

Json series_json(const Group& group, const std::vector<std::string>& machines,
                 const std::vector<std::string>& policies, const char* key) {
  Json series = Json::array();
  for (const std::string& policy : policies) {
    Json values(machines.size(), Json());
    for (const Part& one : group.results) {
      const auto at = std::ranges::find(machines, machine_of(one));
      const auto value = one.number(key);
      if (one.text("/policy") == policy && value)
        values[static_cast<std::size_t>(at - machines.begin())] = value->value;
    }
    series.push_back(std::move(values));
  }
  return series;
}

}  // namespace

Section no_certainty(const Model& model) {
  Section section{"certainty", "4. No certainty assumed"};
  for (const Subject& subject : model.subjects)
    if (!subject.only_swept()) add_fallbacks(model, subject, section);
  if (section.blocks.empty())
    section.blocks.emplace_back(
        Missing{"No RUN here counted allocations that failed.", "quire replay FILE --json"});
  for (std::size_t i = 0; i < model.sweeps.size(); ++i) add_sweep(model.sweeps[i], i, section);
  constexpr const char* kSweep = "quire sweep FILE --space space.toml -o sweep.sqlite --json > sweep.json";
  if (!any(model, is_fragmented))
    section.blocks.emplace_back(Missing{
        "Every replay here has unfragmented memory; on a fragmented host large sizes fail more often.",
        fmt::format("{}, with machines = [\"ram=64G\", \"ram=64G fragmentation=0.5\", \"ram=64G "
                    "fragmentation=0.95\"] in the space",
                    kSweep)});
  if (!any(model, is_pressed))
    section.blocks.emplace_back(Missing{
        "Every replay here has memory enough; a host short of it takes some back.",
        fmt::format("{}, with machines = [\"ram=64G\", \"ram=1G swap=block:4G\"] in the space", kSweep)});
  section.blocks.emplace_back(Paragraph{
      "Pages that go to swap and come back are timed as on zram with lz4, and a fault that had to wait for "
      "reclaim is as long as that takes; looking for pages, and waiting for a disk, are not timed. "
      "Compaction, which could make room where an allocation fails, is no part of a replay.",
      Paragraph::Kind::kNote});
  return section;
}

std::string sweep_picture(std::size_t sweep, std::size_t program) {
  return fmt::format("sweep-{}-{}", sweep, program);
}

void put_sweep_pictures(const Model& model, Json& pictures) {
  for (std::size_t s = 0; s < model.sweeps.size(); ++s) {
    const std::vector<Group> groups = by_program(model.sweeps[s]);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      std::vector<std::string> machines;
      std::vector<std::string> policies;
      const auto once = [](std::vector<std::string>& list, const std::string& text) {
        if (std::ranges::find(list, text) == list.end()) list.push_back(text);
      };
      for (const Part& one : groups[i].results) {
        once(machines, machine_of(one));
        once(policies, one.text("/policy"));
      }
      policies.resize(std::min(policies.size(), kSideBySide));
      Json panels = Json::array();
      for (const auto& [title, key, unit] :
           {std::tuple("Kernel time", "/kernel_ns", "ns"), std::tuple("Fault p99", "/fault_ns_p99", "ns"),
            std::tuple("Peak memory", "/peak_resident_bytes", "bytes"),
            std::tuple("Fallbacks", "/large_fallbacks", "count")})
        panels.push_back(
            {{"title", title}, {"unit", unit}, {"series", series_json(groups[i], machines, policies, key)}});
      pictures[sweep_picture(s, i)] = {
          {"kind", "sweep"}, {"machines", machines}, {"policies", policies}, {"panels", panels}};
    }
  }
}

}  // namespace quire::report
