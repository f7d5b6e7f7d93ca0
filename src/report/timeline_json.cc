#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/size.h"
#include "report/replay_document.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using Json = nlohmann::ordered_json;

template <typename Row, typename Value>
Json column(const std::vector<Row>& rows, Value value) {
  Json list = Json::array();
  for (const Row& row : rows) list.push_back(value(row));
  return list;
}

Json samples_json(const std::vector<lab::TimelineSample>& samples) {
  using Sample = lab::TimelineSample;
  Json json{{"event", column(samples, [](const Sample& s) { return s.event; })},
            {"time_us", column(samples, [](const Sample& s) { return s.time_us; })}};
  Json& anon = json["anon_bytes"] = Json::object();
  for (unsigned o = 0; o <= kPmdOrder; ++o) {
    if (o == 1) continue;  // no size of anonymous memory
    anon[base::sysfs_size(Order(o))] = column(samples, [o](const Sample& s) { return s.anon[o].raw(); });
  }
  json["file_bytes"] = column(samples, [](const Sample& s) { return s.file.raw(); });
  json["never_touched_bytes"] = column(samples, [](const Sample& s) { return s.never_touched.raw(); });
  json["page_tables_bytes"] = column(samples, [](const Sample& s) { return s.tables.raw(); });
  return json;
}

Json mapping_json(const lab::SeenMapping& mapping) {
  return {{"mm", mapping.mm},
          {"process", trace::escape_name(mapping.process)},
          {"name", trace::escape_name(mapping.name)},
          {"start", fmt::format("{:#x}", mapping.range.begin.raw())},
          {"bytes", mapping.range.size().raw()}};
}

Json runs_json(const std::vector<lab::SeenRun>& runs) {
  using Run = lab::SeenRun;
  return {{"first_sample", column(runs, [](const Run& r) { return r.first; })},
          {"last_sample", column(runs, [](const Run& r) { return r.last; })},
          {"mapping", column(runs, [](const Run& r) { return r.mapping; })},
          {"offset_pages", column(runs, [](const Run& r) { return r.run.offset.raw(); })},
          {"pages", column(runs, [](const Run& r) { return r.run.span.raw(); })},
          {"order", column(runs, [](const Run& r) { return r.run.order.raw(); })},
          {"resident_pages", column(runs, [](const Run& r) { return r.run.resident.raw(); })},
          {"touched_pages", column(runs, [](const Run& r) { return r.run.touched.raw(); })},
          {"reason", column(runs, [](const Run& r) { return static_cast<unsigned>(r.run.why); })}};
}

}  // namespace

Json timeline_json(const lab::Timeline& timeline) {
  Json reasons = Json::array();
  for (const vm::NotHuge why : vm::all_reasons()) reasons.push_back(vm::words_of(why));
  return {{"every_events", timeline.every},
          {"samples", samples_json(timeline.samples)},
          {"folio_map",
           {{"page_size_bytes", kPageSize},
            {"reasons", reasons},
            {"mappings", column(timeline.mappings, mapping_json)},
            {"runs", runs_json(timeline.runs)}}}};
}

}  // namespace quire::report
