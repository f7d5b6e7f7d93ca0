// report/html/testing_runs.h - for tests only: answers made to order.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "report/document.h"
#include "report/html/content.h"
#include "report/html/model.h"

namespace quire::report::testing {

inline Json figures(const std::string& policy, const std::string& canonical, double kernel_ns, double peak) {
  return {{"policy", policy},
          {"canonical", canonical},
          {"minor_faults", 1000},
          {"kernel_ns", kernel_ns},
          {"fault_ns_p99", 3000},
          {"fault_ns_max", 9000},
          {"peak_resident_bytes", peak},
          {"wasted_at_peak_bytes", 0},
          {"folios", {{"64kB", 7}}}};
}

constexpr const char* kSmallPages = "transparent_hugepage=never thp_anon=2M:never";

inline Json answer() {
  return {
      {"schema_version", kSchemaVersion},
      {"tool_version", "0.1.0"},
      {"inputs",
       {{"path", "mine.quire"},
        {"content_hash", "00112233445566aa"},
        {"header", {{"argv", {"/usr/bin/prog", "-x"}}, {"kernel_release", "6.18.0"}}},
        {"summary", {{"events", 5000}, {"lost_events", 0}, {"tasks", 1}, {"gate", {{"passed", true}}}}}}}};
}

inline Json timeline() {
  return {{"every_events", 10},
          {"samples",
           {{"event", {10, 20}},
            {"time_us", {1, 2}},
            {"anon_bytes", {{"4kB", {4096, 8192}}, {"64kB", {65536, 65536}}}},
            {"file_bytes", {0, 0}},
            {"never_touched_bytes", {0, 4096}},
            {"page_tables_bytes", {4096, 4096}}}},
          {"folio_map",
           {{"page_size_bytes", 4096},
            {"reasons", {"it is as large as can be"}},
            {"mappings",
             {{{"mm", 1}, {"process", "prog"}, {"name", "[heap]"}, {"start", "0x1000"}, {"bytes", 65536}}}},
            {"runs",
             {{"first_sample", {0}},
              {"last_sample", {1}},
              {"mapping", {0}},
              {"offset_pages", {0}},
              {"pages", {16}},
              {"order", {4}},
              {"resident_pages", {16}},
              {"touched_pages", {16}},
              {"reason", {0}}}}}}};
}

inline Json replay_answer() {
  Json json = answer();
  json["policies"] = {figures("4K", kSmallPages, 2e6, 1e6),
                      figures("64K", "thp_anon=64K:always", 1e6, 1.1e6)};
  json["policies"][1]["timeline"] = timeline();
  json["policies"][1]["fault_times"] = {{{"at_most_ns", 3000}, {"faults", 999}},
                                        {{"at_most_ns", 9000}, {"faults", 1}}};
  return json;
}

// A baseline, or a row of an ablation.
inline Json variant(const std::string& name, double kernel_ns, double peak) {
  Json json = figures("", "thp_anon=2M:always", kernel_ns, peak);
  json.erase("policy");
  json["name"] = name;
  json["today"] = "a file of sysfs";
  return json;
}

inline Json missing_variant(const std::string& name) {
  return {{"name", name},
          {"today", "a call"},
          {"canonical", "linux-6.18"},
          {"missing", "nothing to act on: the program forks no address space"}};
}

inline Json advice_answer() {
  Json json = answer();
  Json now = figures("now", "linux-6.18", 2e6, 1e6);
  json["advice"] = {
      {"verdict", "use"},
      {"policy", "64K"},
      {"sentence", "use 64K on this host"},
      {"confidence", "high"},
      {"doubts", Json::array()},
      {"user_ns", 5e6},
      {"do", {"echo always > /sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"}},
      {"undo", {"echo never > /sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"}},
      {"recommended", 2},
      {"pareto", {"64K", "4K"}},
      {"candidates",
       {now, figures("4K", kSmallPages, 2e6, 1e6), figures("64K", "thp_anon=64K:always", 1e6, 1.1e6)}}};
  for (Json& candidate : json["advice"]["candidates"]) candidate["scope"] = "host";
  json["advice"]["baselines"] = {variant("2M always", 1.5e6, 3e6), missing_variant("MADV_DONTFORK")};
  json["advice"]["ablation"] = {variant("without 64K", 2e6, 1e6)};
  json["advice"]["ablation"][0]["kernel_ns_difference"] = 1e6;
  json["advice"]["ablation"][0]["peak_resident_bytes_difference"] = -1e5;
  return json;
}

inline Json verify_answer() {
  Json json = answer();
  json["inputs"] = {{"path", {"mine.quire"}}};
  const Json outcome{{"minor_faults", 1000}, {"peak_rss_bytes", 1e6}, {"folios", {{"64kB", 7}}}};
  Json measured = outcome;
  measured["minor_faults"] = 1002;
  json["policies"] = {{{"policy", "64K"},
                       {"canonical", "thp_anon=64K:always"},
                       {"agrees", true},
                       {"predicted", outcome},
                       {"measured", measured},
                       {"off", Json::array()}}};
  json["system_time"] = {{"rounds", 11},
                         {"noise_ns", 1e5},
                         {"control_ns", {{"mean", 3e6}, {"low", 2.9e6}, {"high", 3.1e6}}},
                         {"policies",
                          {{{"policy", "64K"},
                            {"predicted_ns", 2e6},
                            {"measured_ns", {{"mean", 2.1e6}, {"low", 2e6}, {"high", 2.2e6}}},
                            {"error", -0.05},
                            {"predicted_change", "faster"},
                            {"measured_change", "faster"}}}}};
  return json;
}

inline Run run_of(const Json& json, const std::string& name = "run.json") {
  auto run = parse_run(json.dump(), name);
  return run ? std::move(*run) : Run{};
}

// A model of this answer alone.
inline Model model_of(const Json& answer) {
  std::vector<Run> runs;
  runs.push_back(run_of(answer));
  return make_model(std::move(runs));
}

// The table of the section whose caption holds these words; null: there is none.
inline const Table* table_with(const Section& section, std::string_view caption) {
  for (const Block& block : section.blocks)
    if (const auto* table = std::get_if<Table>(&block);
        table != nullptr && table->caption.find(caption) != std::string::npos)
      return table;
  return nullptr;
}

}  // namespace quire::report::testing
