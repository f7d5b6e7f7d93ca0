// Rows of figures as OpenMetrics text.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <variant>

#include "base/size.h"
#include "exports/formats.h"
#include "report/metrics_text.h"

namespace quire::exports {
namespace {

using report::Labels;
using report::MetricFamily;
using report::MetricsText;
using report::Unit;

constexpr auto kGauge = MetricFamily::Type::kGauge;
constexpr auto kCounter = MetricFamily::Type::kCounter;

// What a figure is called, and what its own label says.
struct Metric {
  std::string name;
  std::string_view unit;
  std::pair<std::string_view, std::string> label;  // empty: none
  auto operator<=>(const Metric&) const = default;
};

// "/folios/64kB": a size; "/fault_ns_p99": a share of them; times in seconds.
Metric metric_of(const report::Figure& figure, Kind kind) {
  std::string key = figure.key.substr(1);
  Metric metric;
  if (const auto slash = key.find('/'); slash != std::string::npos) {
    const auto size = base::parse_size(key.substr(slash + 1));
    metric.label = {"size", size ? std::to_string(size->raw()) : key.substr(slash + 1)};
    key.resize(slash);
  }
  constexpr std::pair<const char*, const char*> kShares[] = {
      {"_ns_p50", "0.5"}, {"_ns_p999", "0.999"}, {"_ns_p99", "0.99"}, {"_ns_max", "1"}};
  for (const auto& [suffix, share] : kShares) {
    if (!key.ends_with(suffix)) continue;
    metric.label = {"share", share};
    key.resize(key.size() - std::string_view(suffix).size());
    key += "_service_ns";
  }
  if (const auto ns = key.find("_ns"); figure.unit == Unit::kNanoseconds && ns != std::string::npos) {
    key.erase(ns, 3);
    key += "_seconds";
    metric.unit = "seconds";
  }
  if (key.ends_with("_bytes")) metric.unit = "bytes";
  metric.name = fmt::format("quire_{}_{}", kind_name(kind), key);
  return metric;
}

double value_of(const report::Figure& figure) {
  const double value = std::visit(
      [](const auto& held) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(held)>>) return static_cast<double>(held);
        return 0.0;
      },
      figure.value);
  return figure.unit == Unit::kNanoseconds ? value / 1e9 : value;
}

Labels labels_of(const Row& row) {
  Labels labels;
  for (const auto& [name, value] : row.labels)
    if (name != "canonical") labels.emplace_back(name, value);
  return labels;
}

// Two series of one name must differ in their labels: of rows that do not, the
// first is told.
std::vector<Row> different_rows(const std::vector<Row>& rows) {
  std::set<Labels> seen;
  std::vector<Row> different;
  for (const Row& row : rows)
    if (seen.insert(labels_of(row)).second) different.push_back(row);
  return different;
}

void put_figures(const Results& results, MetricsText& text) {
  std::vector<std::pair<Metric, const report::Figure*>> families;  // the first figure of each name
  for (const Row& row : results.rows) {
    for (const report::Figure& figure : row.figures) {
      if (figure.unit == Unit::kText) continue;
      Metric metric = metric_of(figure, results.kind);
      const bool known =
          std::ranges::any_of(families, [&](const auto& f) { return f.first.name == metric.name; });
      if (!known) families.emplace_back(std::move(metric), &figure);
    }
  }
  for (const auto& [family, first] : families) {
    text.begin({kGauge, family.name, family.unit,
                fmt::format("{} of quire {} --json.", first->key.substr(1), kind_name(results.kind))});
    for (const Row& row : results.rows) {
      for (const report::Figure& figure : row.figures) {
        if (figure.unit == Unit::kText) continue;
        const Metric metric = metric_of(figure, results.kind);
        if (metric.name != family.name) continue;
        Labels labels = labels_of(row);
        if (!metric.label.first.empty()) labels.push_back(metric.label);
        text.add(labels, value_of(figure));
      }
    }
  }
}

// Names come from a file: only those that are names.
bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void put_counters(const Results& results, MetricsText& text) {
  std::set<std::pair<bool, std::string>> names;  // of a size or of the machine
  for (const Row& row : results.rows)
    for (const auto& [size, counters] : row.counters)
      for (const auto& [name, value] : counters)
        if (is_name(name)) names.insert({size != 0, name});
  for (const auto& [sized, name] : names) {
    text.begin(
        {name.starts_with("nr_") ? kGauge : kCounter,
         fmt::format("quire_{}_{}_{}", kind_name(results.kind), sized ? "thp" : "vmstat", name), "",
         fmt::format("{} of {}, as modelled.", name, sized ? "hugepages-<size>/stats" : "/proc/vmstat")});
    for (const Row& row : results.rows) {
      for (const auto& [size, counters] : row.counters) {
        const auto found = counters.find(name);
        if ((size != 0) != sized || found == counters.end()) continue;
        Labels labels = labels_of(row);
        if (sized) labels.emplace_back("size", std::to_string(size));
        text.add(labels, found->second);
      }
    }
  }
}

}  // namespace

void results_openmetrics(const Results& results, Output& out) {
  Results different{.kind = results.kind,
                    .about = {},
                    .rows = different_rows(results.rows),
                    .verdict = {},
                    .commands = {},
                    .notes = {}};
  MetricsText text;
  put_figures(different, text);
  put_counters(different, text);
  out.write(std::move(text).finish());
}

}  // namespace quire::exports
