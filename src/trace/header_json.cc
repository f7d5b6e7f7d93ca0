#include "trace/header_json.h"

#include "trace/json_object.h"

namespace quire::trace {
namespace {

using nlohmann::ordered_json;

// What cannot be a key of JSON loses its bad bytes: the keys are names of
// ours (limits) and of the kernel (sysfs), never of the recorded program.
std::string dumped(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json limits_json(const Header& header) {
  auto limits = ordered_json::object();
  for (const auto& [name, limit] : header.rlimits) limits[name] = {limit.first, limit.second};
  return limits;
}

ordered_json thp_json(const Header& header) {
  auto state = ordered_json::object();
  for (const auto& [path, text] : header.thp_state) state[path] = json_text(text);
  return state;
}

}  // namespace

std::string_view tier_name(Tier tier) {
  switch (tier) {
    case Tier::kBpf:
      return "bpf";
    case Tier::kPerf:
      return "perf";
    case Tier::kUnprivileged:
      return "unprivileged";
    case Tier::kImported:
      return "imported";
  }
  return "?";
}

std::optional<Tier> tier_from_name(std::string_view name) {
  for (const Tier tier : {Tier::kBpf, Tier::kPerf, Tier::kUnprivileged, Tier::kImported}) {
    if (tier_name(tier) == name) return tier;
  }
  return std::nullopt;
}

std::string encode_header(const Header& header) {
  return dumped({
      {"tool_version", json_text(header.tool_version)},
      {"tier", tier_name(header.tier)},
      {"lacks", json_texts(header.lacks)},
      {"kernel_release", json_text(header.kernel_release)},
      {"machine", json_text(header.machine)},
      {"page_size_bytes", header.page_size},
      {"cpus", header.cpus},
      {"ram_bytes", header.ram_bytes},
      {"wall_clock_start_seconds", header.wall_clock_start},
      {"argv", json_texts(header.argv)},
      {"envp", json_texts(header.envp)},
      {"cwd", json_text(header.cwd)},
      {"personality", header.personality},
      {"rlimits", limits_json(header)},
      {"thp_state", thp_json(header)},
      {"fault_around_bytes", header.fault_around_bytes},
      {"thp_disabled_while_recording", header.thp_disabled_while_recording},
      {"scrubbed", header.scrubbed},
      {"imported_from", json_text(header.imported_from)},
  });
}

Result<Header, std::string> decode_header(std::string_view json) {
  JsonObject object = QUIRE_TRY(JsonObject::parse(json));
  Header header;
  header.tool_version = object.text("tool_version");
  const auto tier = tier_from_name(object.text("tier"));
  if (!tier) object.wrong("tier");
  header.tier = tier.value_or(Tier::kBpf);
  header.lacks = object.texts("lacks");
  header.kernel_release = object.text("kernel_release");
  header.machine = object.text("machine");
  header.page_size = object.number<std::uint64_t>("page_size_bytes");
  header.cpus = object.number<std::uint32_t>("cpus");
  header.ram_bytes = object.number<std::uint64_t>("ram_bytes");
  header.wall_clock_start = object.number<std::int64_t>("wall_clock_start_seconds");
  header.argv = object.texts("argv");
  header.envp = object.texts("envp");
  header.cwd = object.text("cwd");
  header.personality = object.number<std::uint64_t>("personality");
  header.rlimits = object.pair_map("rlimits");
  header.thp_state = object.text_map("thp_state");
  header.fault_around_bytes = object.number<std::uint64_t>("fault_around_bytes");
  header.thp_disabled_while_recording = object.flag("thp_disabled_while_recording");
  header.scrubbed = object.flag("scrubbed");
  if (object.has("imported_from")) header.imported_from = object.text("imported_from");
  if (!object.error().empty()) return fail(object.error());
  return header;
}

std::string encode_summary(const Summary& summary) {
  return dumped({
      {"lost_events", summary.lost_events},
      {"events", summary.events},
      {"touches", summary.touches},
      {"min_flt", summary.min_flt},
      {"maj_flt", summary.maj_flt},
      {"tasks", summary.tasks},
      {"exit_status", summary.exit_status},
      {"interrupted", summary.interrupted},
      {"cpu_user_ns", summary.cpu_user_ns},
      {"cpu_sys_ns", summary.cpu_sys_ns},
  });
}

Result<Summary, std::string> decode_summary(std::string_view json) {
  JsonObject object = QUIRE_TRY(JsonObject::parse(json));
  Summary summary;
  summary.lost_events = object.number<std::uint64_t>("lost_events");
  summary.events = object.number<std::uint64_t>("events");
  summary.touches = object.number<std::uint64_t>("touches");
  summary.min_flt = object.number<std::uint64_t>("min_flt");
  summary.maj_flt = object.number<std::uint64_t>("maj_flt");
  summary.tasks = object.number<std::uint64_t>("tasks");
  summary.exit_status = object.number<int>("exit_status");
  summary.interrupted = object.flag("interrupted");
  summary.cpu_user_ns = object.number<std::uint64_t>("cpu_user_ns");
  summary.cpu_sys_ns = object.number<std::uint64_t>("cpu_sys_ns");
  if (!object.error().empty()) return fail(object.error());
  return summary;
}

std::string encode_gate(const Gate& gate) {
  return dumped({
      {"passed", gate.passed},
      {"recorded_faults", gate.recorded_faults},
      {"modelled_populate", gate.modelled_populate},
      {"kernel_faults", gate.kernel_faults},
      {"replayed_faults", gate.replayed_faults},
      {"failures", json_texts(gate.failures)},
  });
}

Result<Gate, std::string> decode_gate(std::string_view json) {
  JsonObject object = QUIRE_TRY(JsonObject::parse(json));
  Gate gate;
  gate.passed = object.flag("passed");
  gate.recorded_faults = object.number<std::uint64_t>("recorded_faults");
  gate.modelled_populate = object.number<std::uint64_t>("modelled_populate");
  gate.kernel_faults = object.number<std::uint64_t>("kernel_faults");
  gate.replayed_faults = object.number<std::uint64_t>("replayed_faults");
  gate.failures = object.texts("failures");
  if (!object.error().empty()) return fail(object.error());
  return gate;
}

}  // namespace quire::trace
