#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "trace/describe.h"

namespace quire::trace {
namespace {

using Json = nlohmann::ordered_json;

Json names_json(const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) list.push_back(escape_name(name));
  return list;
}

Json touches_json(const TouchCounts& touches) {
  return {{"total", touches.total()},
          {"reads", touches.reads},
          {"writes", touches.writes},
          {"executes", touches.executes},
          {"no_direction", touches.no_direction},
          {"by_kernel", touches.kernel},
          {"uncounted", touches.uncounted}};
}

Json gate_json(const Gate& gate) {
  return {{"passed", gate.passed},
          {"recorded_faults", gate.recorded_faults},
          {"modelled_populate", gate.modelled_populate},
          {"kernel_faults", gate.kernel_faults},
          {"replayed_faults", gate.replayed_faults},
          {"failures", names_json(gate.failures)}};
}

}  // namespace

Json to_json(const std::optional<Summary>& summary) {
  if (!summary) return nullptr;
  Json json{{"lost_events", summary->lost_events}, {"events", summary->events},
            {"touches", summary->touches},         {"min_flt", summary->min_flt},
            {"maj_flt", summary->maj_flt},         {"tasks", summary->tasks},
            {"exit_status", summary->exit_status}, {"interrupted", summary->interrupted},
            {"cpu_user_ns", summary->cpu_user_ns}, {"cpu_sys_ns", summary->cpu_sys_ns}};
  json["gate"] = summary->gate ? gate_json(*summary->gate) : Json(nullptr);
  return json;
}

Json to_json(const Header& header) {
  Json limits = Json::object();
  for (const auto& [name, limit] : header.rlimits) limits[escape_name(name)] = {limit.first, limit.second};
  Json thp = Json::object();
  for (const auto& [path, text] : header.thp_state) thp[escape_name(path)] = escape_name(text);
  return {{"format_version", header.format_version},
          {"tool_version", escape_name(header.tool_version)},
          {"tier", tier_name(header.tier)},
          {"lacks", names_json(header.lacks)},
          {"kernel_release", escape_name(header.kernel_release)},
          {"machine", escape_name(header.machine)},
          {"page_size_bytes", header.page_size},
          {"cpus", header.cpus},
          {"ram_bytes", header.ram_bytes},
          {"wall_clock_start_seconds", header.wall_clock_start},
          {"argv", names_json(header.argv)},
          {"envp_count", header.envp.size()},
          {"cwd", escape_name(header.cwd)},
          {"personality", header.personality},
          {"rlimits", limits},
          {"thp_state", thp},
          {"fault_around_bytes", header.fault_around_bytes},
          {"thp_disabled_while_recording", header.thp_disabled_while_recording},
          {"scrubbed", header.scrubbed},
          {"imported_from",
           header.imported_from.empty() ? Json(nullptr) : Json(escape_name(header.imported_from))}};
}

namespace {

Json task_json(const TaskStats& task) {
  Json json{{"task", task.id},
            {"parent", task.parent},
            {"mm", task.mm},
            {"comm", escape_name(task.comm)},
            {"execs", names_json(task.execs)},
            {"children", task.children},
            {"touches", touches_json(task.touches)},
            {"syscalls", task.syscalls},
            {"exited", task.exited}};
  json["min_flt"] = task.exited ? Json(task.min_flt) : Json(nullptr);
  json["maj_flt"] = task.exited ? Json(task.maj_flt) : Json(nullptr);
  return json;
}

Json mapping_json(const MappingStats& mapping) {
  return {{"start", mapping.range.begin.raw()},
          {"end", mapping.range.end.raw()},
          {"vm_flags", mapping.vm_flags},
          {"page_offset", mapping.page_offset},
          {"file", escape_name(mapping.file)}};
}

Json units_json(const MappingContents& mapping, ContentsCodec codec) {
  Json units = Json::array();
  for (std::size_t unit = 0; unit < kContentsUnits.size(); ++unit) {
    const UnitSizes& sizes = mapping.of(codec, unit);
    units.push_back({{"unit_bytes", kContentsUnits[unit]},
                     {"units", sizes.units},
                     {"stored_bytes", sizes.stored_bytes},
                     {"sixteenths", sizes.sixteenths}});
  }
  return units;
}

Json contents_json(const ContentsSample& sample) {
  Json mappings = Json::array();
  for (const MappingContents& mapping : sample.mappings) {
    Json json{{"first_page", mapping.first_page},        {"pages", mapping.pages},
              {"kind", mapping_kind_name(mapping.kind)}, {"present_pages", mapping.present},
              {"sampled_pages", mapping.sampled},        {"zero_pages", mapping.zero},
              {"same_filled_pages", mapping.same}};
    for (const ContentsCodec codec : kContentsCodecs)
      json[std::string(codec_name(codec))] = units_json(mapping, codec);
    mappings.push_back(std::move(json));
  }
  return {{"time_us", sample.time_us}, {"mm", sample.mm}, {"mappings", mappings}};
}

Json hotness_json(const HotnessStats& hotness) {
  return {{"samples", hotness.samples},
          {"windows", hotness.windows},
          {"runs", hotness.runs},
          {"accessed_pages", hotness.pages},
          {"written_pages", hotness.written}};
}

Json mm_json(const MmStats& mm) {
  Json mappings = Json::array();
  for (const MappingStats& mapping : mm.mappings) mappings.push_back(mapping_json(mapping));
  return {{"mm", mm.id},
          {"comm", escape_name(mm.comm)},
          {"touches", touches_json(mm.touches)},
          {"syscalls", mm.syscalls},
          {"accessed_pages", mm.accessed_pages},
          {"mappings_from_exec", mm.mappings_seen},
          {"mappings", mappings},
          {"gone", mm.gone}};
}

}  // namespace

Json to_json(const TraceStats& stats) {
  Json by_kind = Json::object();
  for (const auto& [kind, n] : stats.by_kind) by_kind[std::string(kind_name(kind))] = n;
  Json by_syscall = Json::object();
  for (const auto& [sys, n] : stats.by_syscall) by_syscall[std::string(sys_name(sys))] = n;
  Json tasks = Json::array();
  for (const auto& [id, task] : stats.tasks) tasks.push_back(task_json(task));
  Json mms = Json::array();
  for (const auto& [id, mm] : stats.mms) mms.push_back(mm_json(mm));
  Json json{{"file_bytes", stats.file_size.raw()},
            {"content_hash", fmt::format("{:016x}", stats.content_hash)},
            {"header", to_json(stats.header)},
            {"summary", to_json(stats.summary)},
            {"notes", names_json(stats.notes)},
            {"events", stats.events},
            {"last_event_us", stats.last_time_us},
            {"events_by_kind", by_kind},
            {"syscalls_by_name", by_syscall},
            {"touches", touches_json(stats.touches)},
            {"min_flt", stats.min_flt},
            {"maj_flt", stats.maj_flt},
            {"unlisted_events", stats.unlisted_events},
            {"tasks", tasks},
            {"address_spaces", mms}};
  if (stats.hotness.samples != 0) json["hotness"] = hotness_json(stats.hotness);
  if (!stats.contents.empty()) {
    Json contents = Json::array();
    for (const ContentsSample& sample : stats.contents) contents.push_back(contents_json(sample));
    json["contents"] = std::move(contents);
  }
  json["damage"] = stats.damage ? Json(escape_name(stats.damage->line())) : Json(nullptr);
  return json;
}

}  // namespace quire::trace
