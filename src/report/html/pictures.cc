#include "report/html/pictures.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "report/html/sections.h"

namespace quire::report {
namespace {

using Views = std::vector<const PolicyView*>;

Json value_of(const std::optional<Number>& number) { return number ? Json(number->value) : Json(nullptr); }

Json titles_of(const Views& views) {
  Json titles = Json::array();
  for (const PolicyView* const view : views) titles.push_back(view->title());
  return titles;
}

struct Size {
  unsigned order;
  std::string key;
};
std::vector<Size> sizes(unsigned first) {
  std::vector<Size> list;
  for (unsigned o = first; o <= kPmdOrder; ++o)
    if (o != 1) list.push_back({o, base::sysfs_size(Order(o))});
  return list;
}

// Bars of one figure: predicted, measured, and between what that lies.
template <typename Get>
Json panel(const char* title, const char* unit, const Views& views, Get get) {
  Json json{{"title", title}, {"unit", unit}};
  for (const char* const series : {"predicted", "measured", "low", "high", "part"}) {
    Json& list = json[series] = Json::array();
    for (const PolicyView* const view : views) list.push_back(value_of(get(*view, std::string(series))));
  }
  return json;
}

std::optional<Number> band(const PolicyView& view, const std::string& series, const char* key) {
  if (!view.verified) return std::nullopt;
  return view.verified->number((series == "low" ? "/predicted_band/min" : "/predicted_band/max") +
                               std::string(key));
}

std::optional<Number> system_time(const PolicyView& view, const std::string& series) {
  if (!view.timed || series == "part") return std::nullopt;
  if (series == "predicted") return view.timed->number("/predicted_ns");
  return view.timed->number("/measured_ns/" + (series == "measured" ? "mean" : series));
}

// A figure that verify counts as well.
Json counted(const char* title, const char* unit, const Views& views, const char* key) {
  return panel(title, unit, views, [key](const PolicyView& v, const std::string& series) {
    if (series == "predicted") return v.predicted(key);
    if (series == "measured") return v.measured(key);
    return series == "part" ? std::nullopt : band(v, series, key);
  });
}

Json cost_json(const Subject& subject) {
  const Views views = subject.shown(kSideBySide);
  Json panels = Json::array();
  panels.push_back(
      panel("Kernel time for memory", "ns", views, [](const PolicyView& v, const std::string& series) {
        return series == "predicted" ? v.predicted("/kernel_ns") : std::nullopt;
      }));
  if (std::ranges::any_of(views, [](const PolicyView* v) { return v->timed.has_value(); }))
    panels.push_back(panel("System time of the program", "ns", views, &system_time));
  panels.push_back(panel("Peak memory", "bytes", views, [](const PolicyView& v, const std::string& series) {
    if (series == "part") return v.predicted("/wasted_at_peak_bytes");
    return series == "predicted" ? v.predicted("/peak_resident_bytes") : std::nullopt;
  }));
  if (std::ranges::any_of(views, [](const PolicyView* v) { return v->verified.has_value(); }))
    panels.push_back(counted("Peak RSS of one process", "bytes", views, "/peak_rss_bytes"));
  panels.push_back(counted("Minor faults", "count", views, "/minor_faults"));
  return {{"kind", "cost"}, {"policies", titles_of(views)}, {"panels", panels}};
}

Json faults_json(const Subject& subject) {
  Json policies = Json::array();
  for (const PolicyView* const view : subject.shown(kSideBySide)) {
    if (!view->replayed || !view->replayed->json().contains("fault_times")) continue;
    policies.push_back({{"name", view->title()}, {"times", view->replayed->json()["fault_times"]}});
  }
  return {{"kind", "faults"}, {"policies", policies}};
}

Json pareto_json(const Subject& subject) {
  const auto best = subject.pareto();
  Json points = Json::array();
  for (const PolicyView& view : subject.policies) {
    if (!view.candidate) continue;
    const bool ringed = std::ranges::find(best, &view) != best.end();
    const char* role = "";
    if (&view == subject.small()) role = "4K";
    if (view.is_now) role = "now";
    if (&view == subject.recommended()) role = "recommended";
    points.push_back({{"name", view.title()},
                      {"memory", value_of(view.candidate->number("/peak_resident_bytes"))},
                      {"time", value_of(view.candidate->number("/kernel_ns"))},
                      {"pareto", ringed},
                      {"role", role}});
  }
  return {{"kind", "pareto"}, {"points", points}};
}

Json memory_json(const Subject& subject) {
  Json policies = Json::array();
  for (const PolicyView* const view : subject.shown(kSideBySide)) {
    if (!view->replayed || !view->replayed->json().contains("timeline")) continue;
    const Json& samples = view->replayed->json()["timeline"]["samples"];
    Json bands = Json::array();
    for (const Size& size : sizes(0))
      if (samples["anon_bytes"].contains(size.key))
        bands.push_back({{"order", size.order}, {"bytes", samples["anon_bytes"][size.key]}});
    policies.push_back({{"name", view->title()},
                        {"event", samples["event"]},
                        {"time_us", samples["time_us"]},
                        {"file_bytes", samples["file_bytes"]},
                        {"never_touched_bytes", samples["never_touched_bytes"]},
                        {"bands", bands}});
  }
  return {{"kind", "memory"}, {"policies", policies}};
}

Json map_json(const Subject& subject) {
  Json policies = Json::array();
  std::size_t chosen = 0;
  for (const PolicyView* const view : subject.shown(kSideBySide)) {
    if (!view->replayed || !view->replayed->json().contains("timeline")) continue;
    if (view == subject.recommended()) chosen = policies.size();
    const Json& timeline = view->replayed->json()["timeline"];
    Json map = timeline["folio_map"];
    map["name"] = view->title();
    map["event"] = timeline["samples"]["event"];
    map["time_us"] = timeline["samples"]["time_us"];
    policies.push_back(std::move(map));
  }
  return {{"kind", "map"}, {"chosen", chosen}, {"policies", policies}};
}

Json folios_json(const Subject& subject) {
  const Views views = subject.shown(kSideBySide);
  Json bands = Json::array();
  for (const Size& size : sizes(2)) {
    Json bytes = Json::array();
    for (const PolicyView* const view : views) {
      auto folios = view->predicted("/folios/" + size.key);
      if (folios) folios->value *= static_cast<double>(Order(size.order).bytes().raw());
      bytes.push_back(value_of(folios));
    }
    bands.push_back({{"order", size.order}, {"bytes", bytes}});
  }
  return {{"kind", "folios"}, {"policies", titles_of(views)}, {"bands", bands}};
}

void add_honesty(Json& points, const Subject& subject, const PolicyView& view) {
  if (!view.verified) return;
  const auto add = [&](const std::string& metric, const std::optional<Number>& predicted,
                       const std::optional<Number>& measured) {
    if (predicted && measured && predicted->value > 0 && measured->value > 0)
      points.push_back({{"name", subject.name + ", " + view.title()},
                        {"metric", metric},
                        {"predicted", predicted->value},
                        {"measured", measured->value}});
  };
  const auto pair = [&](const std::string& metric, const std::string& key) {
    add(metric, view.verified->number("/predicted" + key), view.verified->number("/measured" + key));
  };
  pair("minor faults", "/minor_faults");
  pair("peak RSS, KiB", "/peak_rss_bytes");
  for (const Size& size : sizes(2)) pair("folios", "/folios/" + size.key);
  if (view.timed)
    add("system time, µs", view.timed->number("/predicted_ns"), view.timed->number("/measured_ns/mean"));
}

Json honesty_json(const Model& model) {
  Json points = Json::array();
  for (const Subject& subject : model.subjects)
    for (const PolicyView& view : subject.policies) add_honesty(points, subject, view);
  for (Json& point : points) {
    const double unit = point["metric"] == "peak RSS, KiB"     ? 1024
                        : point["metric"] == "system time, µs" ? 1000
                                                               : 1;
    for (const char* const side : {"predicted", "measured"}) point[side] = point[side].get<double>() / unit;
  }
  return {{"kind", "honesty"}, {"points", points}};
}

}  // namespace

Json pictures_json(const Model& model) {
  Json pictures = Json::object();
  for (std::size_t i = 0; i < model.subjects.size(); ++i) {
    const Subject& subject = model.subjects[i];
    const auto put = [&](const char* name, Json json) {
      pictures[fmt::format("{}-{}", name, i)] = std::move(json);
    };
    put("cost", cost_json(subject));
    put("faults", faults_json(subject));
    if (!subject.advice.empty()) put("pareto", pareto_json(subject));
    put("memory", memory_json(subject));
    put("map", map_json(subject));
    put("folios", folios_json(subject));
  }
  put_sweep_pictures(model, pictures);
  pictures["honesty"] = honesty_json(model);
  return pictures;
}

}  // namespace quire::report
