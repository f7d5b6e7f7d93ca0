#include "top/frame_json.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/size.h"
#include "report/document.h"
#include "top/findings.h"
#include "trace/describe.h"

namespace quire::top {
namespace {

using Json = nlohmann::ordered_json;

template <typename Number>
Json or_null(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

double seconds(Time time) { return std::chrono::duration<double>(time).count(); }

using RateOf = std::function<std::optional<double>(std::string_view)>;

// {counters, per_second}
Json counters_json(const live::Counts& counts, const RateOf& rate_of) {
  Json totals = Json::object(), rates = Json::object();
  for (const auto& [name, value] : counts) {
    totals[name] = value;
    if (!counts_folios(name)) rates[name] = or_null(rate_of(name));
  }
  return {{"counters", totals}, {"per_second", rates}};
}

Json size_json(const Frame& frame, Order size) {
  const std::string rule = rule_of(frame, size);
  Json json{{"size_bytes", size.bytes().raw()},
            {"rule", rule.empty() ? Json() : Json(trace::escape_name(rule))},
            {"anon_bytes", bytes_in(frame, size, "nr_anon").raw()},
            {"partially_mapped_bytes", bytes_in(frame, size, "nr_anon_partially_mapped").raw()}};
  json.update(counters_json(of_size(frame.now.counts, size), [&](std::string_view name) {
    return size_counter(frame, size, name, Span::kPerSecond);
  }));
  return json;
}

Json by_size(const live::ByOrder& pages) {
  Json json = Json::object();
  for (unsigned n = 0; n <= kPmdOrder; ++n) json[base::sysfs_size(Order(n))] = pages[n].bytes().raw();
  return json;
}

Json events_json(const Frame& frame) {
  return counters_json(frame.now.counts.events,
                       [&](std::string_view name) { return event_counter(frame, name, Span::kPerSecond); });
}

Json khugepaged_json(const Frame& frame) {
  return counters_json(frame.now.counts.khugepaged, [&](std::string_view name) {
    return khugepaged_counter(frame, name, Span::kPerSecond);
  });
}

Json memory_json(const Frame& frame) {
  Json meminfo = Json::object();
  for (const auto& [name, bytes] : frame.memory) meminfo[name] = bytes.raw();
  Json free = Json::object();
  for (const auto& [order, bytes] : frame.free) free[base::sysfs_size(order)] = bytes.raw();
  return {{"meminfo_bytes", meminfo}, {"anon_bytes", by_size(anon_of_host(frame))}, {"free_bytes", free}};
}

Json folios_json(const Frame& frame, const Process& process) {
  if (!process.folios) return {};
  const FolioSample& sample = *process.folios;
  Json json{{"age_seconds", seconds(std::max(frame.now.at - sample.at, Time()))},
            {"cost_ns", sample.cost.count()},
            {"anon_total_bytes", sample.counts.anon.total().bytes().raw()},
            {"pmd_bytes", sample.counts.anon.pmd.bytes().raw()}};
  const bool frames = frame.tier == Tier::kFrames;
  json["anon_bytes"] = frames ? by_size(sample.counts.anon.by_order()) : Json();
  json["file_bytes"] = frames ? by_size(sample.counts.file.by_order()) : Json();
  json["partial_bytes"] = frames ? Json(partial_bytes(sample.counts).raw()) : Json();
  json["waste_bytes"] = sample.stranded ? Json(sample.stranded->bytes().raw()) : Json();
  return json;
}

Json process_json(const Frame& frame, const Process& process) {
  return {{"pid", process.stat.pid},
          {"parent", process.stat.parent},
          {"uid", process.uid},
          {"user", trace::escape_name(process.user)},
          {"name", trace::escape_name(process.stat.name)},
          {"state", trace::escape_name(std::string(1, process.stat.state))},
          {"threads", process.stat.threads},
          {"rss_bytes", process.rss().raw()},
          {"cpu_share", or_null(process.cpu_share)},
          {"minor_faults_per_second", or_null(process.minor_per_second)},
          {"major_faults_per_second", or_null(process.major_per_second)},
          {"folios", folios_json(frame, process)},
          {"no_folios", process.folios ? Json() : Json(trace::escape_name(process.no_folios))}};
}

Json cost_json(const Frame& frame) {
  return {{"cpu_share", or_null(frame.cost.cpu_share)}, {"budget", frame.cost.budget},
          {"processes_read", frame.cost.read},          {"processes_waiting", frame.cost.waiting},
          {"processes_refused", frame.refused},         {"oldest_seconds", seconds(frame.cost.oldest)}};
}

}  // namespace

Json frame_json(const Frame& frame, const View& view) {
  Json json = report::new_document();
  const bool rates = frame.now.at > frame.before.at;
  json["time_seconds"] = std::chrono::duration<double>(frame.wall.time_since_epoch()).count();
  json["elapsed_seconds"] = rates ? Json(seconds(frame.now.at - frame.before.at)) : Json();
  json["tier"] = frame.tier == Tier::kFrames ? "frames" : "smaps";
  json["notes"] = frame.lost.empty() ? Json::array() : Json::array({trace::escape_name(frame.lost)});
  json["findings"] = report::texts_json(findings_of(frame));
  Json& settings = json["settings"] = Json::object();
  for (const auto& [file, word] : frame.settings) settings[file] = trace::escape_name(word);
  json["memory"] = memory_json(frame);
  Json& sizes = json["sizes"] = Json::array();
  for (const auto& [size, counts] : frame.now.counts.sizes) sizes.push_back(size_json(frame, size));
  json["khugepaged"] = khugepaged_json(frame);
  json["events"] = events_json(frame);
  json["own"] = cost_json(frame);
  Json& processes = json["processes"] = Json::array();
  for (const Row& row : rows_of(frame, view)) processes.push_back(process_json(frame, *row.process));
  return json;
}

}  // namespace quire::top
