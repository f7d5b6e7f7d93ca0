#include "top/openmetrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "report/document.h"
#include "report/metrics_text.h"
#include "top/figures.h"

namespace quire::top {
namespace {

using report::Labels;
using report::MetricsText;
using Family = report::MetricFamily;

std::string size_label(Order size) { return std::to_string(size.bytes().raw()); }

constexpr auto kCounter = Family::Type::kCounter;
constexpr auto kGauge = Family::Type::kGauge;

void add_about(MetricsText& text, const Frame& frame) {
  text.begin({kGauge, "quire_build", "", "1, with the version of the program that wrote this."});
  text.add({{"version", std::string(report::tool_version())}}, 1);
  text.begin({kGauge, "quire_tier_frames", "",
              "1 when the folios of processes could be seen, 0 when only what smaps says of them."});
  text.add({}, frame.tier == Tier::kFrames ? 1 : 0);
}

void add_settings(MetricsText& text, const Frame& frame) {
  text.begin({kGauge, "quire_thp_setting", "",
              "1 for each file below /sys/kernel/mm/transparent_hugepage, with the word chosen in it."});
  for (const auto& [file, word] : frame.settings) text.add({{"file", file}, {"word", word}}, 1);
}

// Every counter of hugepages-<size>/stats that some size has.
void add_sizes(MetricsText& text, const Frame& frame) {
  live::Counts names;
  for (const auto& [size, counts] : frame.now.counts.sizes) names.insert(counts.begin(), counts.end());
  for (const auto& [name, ignored] : names) {
    text.begin({counts_folios(name) ? kGauge : kCounter, "quire_thp_" + name, "",
                fmt::format("{} of hugepages-<size>/stats{}.", name, counts_folios(name) ? ", folios" : "")});
    for (const auto& [size, counts] : frame.now.counts.sizes)
      if (counts.contains(name)) text.add({{"size", size_label(size)}}, counts.at(name));
  }
}

void add_events(MetricsText& text, const Frame& frame) {
  for (const auto& [name, value] : frame.now.counts.khugepaged) {
    text.begin({kCounter, "quire_khugepaged_" + name, "", fmt::format("{} of khugepaged.", name)});
    text.add({}, value);
  }
  for (const auto& [name, value] : frame.now.counts.events) {
    text.begin({kCounter, "quire_vmstat_" + name, "", fmt::format("{} of /proc/vmstat.", name)});
    text.add({}, value);
  }
}

void add_memory(MetricsText& text, const Frame& frame) {
  text.begin({kGauge, "quire_memory_bytes", "bytes", "Sizes of /proc/meminfo, by their names there."});
  for (const auto& [name, bytes] : frame.memory) text.add({{"name", name}}, bytes.raw());
  text.begin({kGauge, "quire_anon_memory_bytes", "bytes", "Anonymous memory of the host by folio size."});
  const live::ByOrder anon = anon_of_host(frame);
  for (unsigned n = 0; n <= kPmdOrder; ++n) text.add({{"size", size_label(Order(n))}}, anon[n].bytes().raw());
  text.begin({kGauge, "quire_partially_mapped_memory_bytes", "bytes",
              "Anonymous folios of which some pages are not mapped, by folio size: whole folios."});
  for (const auto& [size, counts] : frame.now.counts.sizes)
    text.add({{"size", size_label(size)}}, bytes_in(frame, size, "nr_anon_partially_mapped").raw());
  text.begin({kGauge, "quire_free_memory_bytes", "bytes",
              "Free memory by the size of its blocks; the largest size stands for all from there on."});
  for (const auto& [order, bytes] : frame.free) text.add({{"size", size_label(order)}}, bytes.raw());
}

using Chosen = std::vector<const Process*>;

Chosen largest(const Frame& frame, const View& view, std::size_t most) {
  Chosen chosen;
  for (const Row& row : rows_of(frame, view)) chosen.push_back(row.process);
  std::ranges::stable_sort(chosen, std::ranges::greater(), &Process::rss);
  chosen.resize(std::min({most, kMostProcesses, chosen.size()}));
  return chosen;
}

Labels labels_of(const Process& process) {
  return {{"pid", std::to_string(process.stat.pid)}, {"name", process.stat.name}};
}

Labels with(Labels labels, std::string_view name, std::string value) {
  labels.emplace_back(name, std::move(value));
  return labels;
}

void add_folios(MetricsText& text, const Chosen& processes) {
  text.begin({kGauge, "quire_process_folio_bytes", "bytes",
              "Memory of a process by kind (anon, file) and folio size; sizes it has none of are left out."});
  for (const Process* process : processes) {
    if (!process->folios) continue;
    const auto& counts = process->folios->counts;
    for (const auto& [kind, of_kind] : {std::pair("anon", &counts.anon), std::pair("file", &counts.file)}) {
      const live::ByOrder pages = of_kind->by_order();
      for (unsigned n = 0; n <= kPmdOrder; ++n) {
        if (pages[n].raw() != 0)
          text.add(with(with(labels_of(*process), "kind", kind), "size", size_label(Order(n))),
                   pages[n].bytes().raw());
      }
    }
  }
}

void add_processes(MetricsText& text, const Frame& frame, const Chosen& processes) {
  text.begin({kGauge, "quire_process_resident_memory_bytes", "bytes", "Resident memory of a process."});
  for (const Process* process : processes) text.add(labels_of(*process), process->rss().raw());
  // By smaps nothing is known of sizes.
  if (frame.tier == Tier::kFrames) add_folios(text, processes);
  text.begin({kGauge, "quire_process_pmd_mapped_bytes", "bytes",
              "Anonymous memory of a process that is mapped by PMD."});
  for (const Process* process : processes)
    if (process->folios) text.add(labels_of(*process), process->folios->counts.anon.pmd.bytes().raw());
  text.begin({kGauge, "quire_process_waste_bytes", "bytes",
              "Pages of a process's partially mapped folios that nobody maps."});
  for (const Process* process : processes)
    if (process->folios && process->folios->stranded)
      text.add(labels_of(*process), process->folios->stranded->bytes().raw());
  text.begin({kGauge, "quire_process_sample_age_seconds", "seconds", "How old these figures are."});
  for (const Process* process : processes) {
    if (!process->folios) continue;
    const std::chrono::duration<double> age = std::max(frame.now.at - process->folios->at, Time());
    text.add(labels_of(*process), age.count());
  }
}

}  // namespace

std::string openmetrics(const Frame& frame, const View& view, std::size_t processes) {
  MetricsText text;
  add_about(text, frame);
  add_settings(text, frame);
  add_sizes(text, frame);
  add_events(text, frame);
  add_memory(text, frame);
  text.begin(
      {kCounter, "quire_cpu_seconds", "seconds", "CPU time that the program which wrote this has taken."});
  text.add({}, std::chrono::duration<double>(frame.cost.cpu).count());
  if (processes != 0) add_processes(text, frame, largest(frame, view, processes));
  return std::move(text).finish();
}

}  // namespace quire::top
