#include <fmt/format.h>

#include <algorithm>

#include "report/html/numbers.h"
#include "report/html/points.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

const std::vector<FigureRow> kTimes{{"minor faults", "/minor_faults", Unit::kCount},
                                    {"kernel time", "/kernel_ns", Unit::kNanoseconds},
                                    {"  in faults", "/fault_ns", Unit::kNanoseconds},
                                    {"  of it copying", "/copy_ns", Unit::kNanoseconds},
                                    {"  of it bringing back from swap", "/swap_in_ns", Unit::kNanoseconds},
                                    {"  in writing to swap", "/swap_out_ns", Unit::kNanoseconds},
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

}  // namespace quire::report
