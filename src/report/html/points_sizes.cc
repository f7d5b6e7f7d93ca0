#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "policy/parse.h"
#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

constexpr std::size_t kMostLosers = 12;

std::vector<FigureRow> folio_rows(std::vector<std::string>& storage) {
  for (unsigned o = 2; o <= kPmdOrder; ++o) {
    storage.push_back("folios of " + base::human_size(Order(o).bytes()));
    storage.push_back("/folios/" + base::sysfs_size(Order(o)));
  }
  std::vector<FigureRow> rows;
  for (std::size_t i = 0; i < storage.size(); i += 2)
    rows.push_back({storage[i].c_str(), storage[i + 1].c_str(), Unit::kCount});
  return rows;
}

// The sizes alone, and sets of neighbours that people compare with one size.
std::vector<std::string> matrix_policies() {
  std::vector<std::string> words;
  for (unsigned o = 2; o <= kPmdOrder; ++o) words.push_back(base::short_size(Order(o).bytes()));
  for (const char* const set : {"16K+32K+64K", "16K+64K", "64K+2M", "all"}) words.emplace_back(set);
  return words;
}

Table matrix(const Model& model) {
  Table table{"Beside 4K: kernel time, and peak memory", {{"policy", Align::kLeft}}, {}};
  for (const Subject& subject : model.subjects) {
    table.headings.push_back({subject.name + ", time"});
    table.headings.push_back({"memory"});
  }
  for (const std::string& words : matrix_policies()) {
    const auto settings = policy::parse_policy(words);
    if (!settings) continue;
    std::vector<Cell> cells{{words}};
    bool any = false;
    for (const Subject& subject : model.subjects) {
      const PolicyView* const view = subject.find(policy::canonical(*settings));
      const PolicyView* const small = subject.small();
      any = any || (view != nullptr && small != nullptr);
      for (const char* const key : {"/kernel_ns", "/peak_resident_bytes"})
        cells.push_back(view != nullptr && small != nullptr
                            ? change_cell(view->predicted(key), small->predicted(key))
                            : Cell{"–"});
    }
    if (any) table.rows.push_back(std::move(cells));
  }
  return table;
}

struct Loser {
  double by;  // the larger of the two ratios
  std::vector<Cell> cells;
};

double ratio_of(const PolicyView& view, const PolicyView& base, const char* key) {
  const auto value = view.predicted(key);
  const auto beside = base.predicted(key);
  return value && beside && beside->value > 0 ? value->value / beside->value : 0;
}

// Policies that need more kernel time or memory than the host as it was, or than 4K, the worst first.
std::vector<Loser> losers(const Model& model) {
  std::vector<Loser> found;
  for (const Subject& subject : model.subjects) {
    const PolicyView* const base = subject.now() != nullptr ? subject.now() : subject.small();
    if (base == nullptr) continue;
    for (const PolicyView& view : subject.policies) {
      const double by =
          std::max(ratio_of(view, *base, "/kernel_ns"), ratio_of(view, *base, "/peak_resident_bytes"));
      if (by <= 1) continue;
      std::vector<Cell> cells{{subject.name}, {view.title()}};
      for (const char* const key : {"/kernel_ns", "/peak_resident_bytes", "/fault_ns_max"})
        cells.push_back(change_cell(view.predicted(key), base->predicted(key)));
      cells.push_back({base->title()});
      found.push_back({by, std::move(cells)});
    }
  }
  std::ranges::stable_sort(found, std::greater<>(), &Loser::by);
  return found;
}

void add_losers(const Model& model, Section& section) {
  const auto found = losers(model);
  if (found.empty()) {
    section.blocks.emplace_back(Paragraph{
        "No policy of these RUNs needs more kernel time or more memory than what it is compared with."});
    return;
  }
  const std::string count = fmt::format("Losers first: the {} worst of {}", kMostLosers, found.size());
  Table table{found.size() > kMostLosers ? count : "Losers first",
              {{"program", Align::kLeft},
               {"policy", Align::kLeft},
               {"kernel time"},
               {"peak memory"},
               {"longest fault"},
               {"beside", Align::kLeft}},
              {}};
  for (std::size_t i = 0; i < std::min(found.size(), kMostLosers); ++i) table.rows.push_back(found[i].cells);
  section.blocks.emplace_back(std::move(table));
}

Table inputs_table(const Model& model) {
  Table table{
      "The policies, in the kernel's words", {{"policy", Align::kLeft}, {"settings", Align::kLeft}}, {}};
  std::vector<std::string> seen;
  for (const Subject& subject : model.subjects) {
    for (const PolicyView* const view : subject.shown(kSideBySide)) {
      if (std::ranges::find(seen, view->canonical) != seen.end()) continue;
      seen.push_back(view->canonical);
      table.rows.push_back({{view->title()}, {view->canonical}});
    }
  }
  return table;
}

// name of the counter -> a row of its values, where some are not zero.
void add_counters(const Model& model, const Subject& subject, Section& section) {
  std::vector<const PolicyView*> views;
  for (const PolicyView* const view : subject.shown(kSideBySide))
    if (view->replayed && view->replayed->part("/counters")) views.push_back(view);
  if (views.empty()) return;
  Table table{
      captioned(model, subject, "At the end of the replay; counters that are zero everywhere are left out"),
      {{"counter", Align::kLeft}},
      {},
      Table::Open::kFolded};
  for (const PolicyView* const view : views) table.headings.push_back({view->title()});
  const auto add = [&](const std::string& key) {
    std::vector<Cell> cells{{key.substr(1)}};
    bool any = false;
    for (const PolicyView* const view : views) {
      const auto value = view->replayed->number("/counters" + key);
      any = any || (value && value->value != 0);
      cells.push_back(cell_of(value, Unit::kCount, Tone::kUnmeasured));
    }
    if (any) table.rows.push_back(std::move(cells));
  };
  for (const auto& [name, value] : views.front()->replayed->json()["counters"].items()) {
    if (value.is_number()) add(child(name));
    if (!value.is_object()) continue;
    for (const auto& [stat, unused] : value.items()) add(child(name) + child(stat));
  }
  section.blocks.emplace_back(std::move(table));
}

}  // namespace

Section all_orders(const Model& model) {
  Section section{"orders", "5. All sizes, not only 2 MiB"};
  std::vector<std::string> storage;
  const auto rows = folio_rows(storage);
  for (std::size_t i = 0; i < model.subjects.size(); ++i) {
    const Subject& subject = model.subjects[i];
    if (subject.only_swept()) continue;
    section.blocks.emplace_back(
        Picture{Picture::Kind::kChart, fmt::format("folios-{}", i),
                captioned(model, subject, "Anonymous memory given by faults, by folio size"),
                "Across: policies. Up: bytes in folios made by faults, whatever became of them later; 4 KiB "
                "pages are not in it."});
    section.blocks.emplace_back(
        figures_table(captioned(model, subject, "Folios made by faults"), subject.shown(kSideBySide), rows));
  }
  Table sizes = matrix(model);
  if (sizes.rows.size() > 1) {
    section.blocks.emplace_back(std::move(sizes));
  } else {
    section.blocks.emplace_back(
        Missing{"No matrix of sizes and workloads: the RUNs hold too few policies, or no 4K.",
                "quire advise FILE --json > advice.json"});
  }
  return section;
}

Section no_magic(const Model& model) {
  Section section{"magic", "6. No magic toggle"};
  section.blocks.emplace_back(inputs_table(model));
  section.blocks.emplace_back(
      Paragraph{"These settings are files below /sys/kernel/mm/transparent_hugepage, and words of the boot "
                "line; no new interface is needed for a policy that is "
                "written in them. A policy with a name of its own is a proposal or a vendor's: "
                "docs/reference/policies.md says what carries it."});
  add_losers(model, section);
  section.blocks.emplace_back(
      Missing{"How sensitive the answer is to memory and machine; it has no other constants to turn.",
              "quire sweep FILE --space space.toml -o sweep.sqlite; sqlite3 sweep.sqlite 'SELECT * FROM "
              "sensitivity'"});
  for (const Subject& subject : model.subjects)
    if (!subject.only_swept()) add_ablation(model, subject, section);
  return section;
}

Section kernel_counters(const Model& model) {
  Section section{"counters", "9. Counters under the kernel's names"};
  for (const Subject& subject : model.subjects)
    if (!subject.only_swept()) add_counters(model, subject, section);
  if (section.blocks.empty()) {
    section.blocks.emplace_back(Missing{"No RUN here is a replay, which alone carries counters.",
                                        "quire replay FILE --json > replay.json"});
  } else {
    section.blocks.emplace_back(
        Paragraph{"As in /proc/vmstat and below hugepages-<size>kB/stats, so that they can be checked on a "
                  "host; docs/reference/counters.md explains "
                  "each. Khugepaged does not run in a replay.",
                  Paragraph::Kind::kNote});
  }
  return section;
}

}  // namespace quire::report
