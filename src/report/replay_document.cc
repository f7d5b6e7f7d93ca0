#include "report/replay_document.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "policy/parse.h"
#include "report/document.h"
#include "report/figures.h"
#include "report/mapping_use.h"
#include "trace/describe.h"

namespace quire::report {
namespace {

using Json = nlohmann::ordered_json;

Json kills_json(const std::vector<lab::Killed>& kills) {
  Json list = Json::array();
  for (const lab::Killed& one : kills)
    list.push_back({{"victim", one.victim},
                    {"asked_by", one.asked_by},
                    {"short_of", one.at_limit ? "limit" : "machine"},
                    {"order", one.order.raw()},
                    {"points", one.points},
                    {"oom_score_adj", one.oom_score_adj},
                    {"anon_bytes", one.anon.bytes().raw()},
                    {"file_bytes", one.file.bytes().raw()},
                    {"swap_bytes", one.swap.bytes().raw()},
                    {"page_tables_bytes", one.tables.bytes().raw()}});
  return list;
}

Json policy_json(const lab::Policy& policy, const lab::ReplayResult& result) {
  Json json{{"policy", policy.text}, {"canonical", policy::canonical(policy.settings)}};
  json.update(json_of(sheet_of(result)));
  json["fault_times"] = fault_times_json(result.bill.faults);
  json["counters"] = counters_json(result.counters);
  json["notes"] = texts_json(result.notes);
  if (result.pressure) json["killed"] = kills_json(result.pressure->killed);
  if (result.timeline) json["timeline"] = timeline_json(*result.timeline);
  return json;
}

}  // namespace

std::string killed_text(const lab::Killed& one) {
  return fmt::format(
      "killed process {}: {} had no memory for process {} (order {}); {} points, oom_score_adj {}; it held "
      "{} pages, {} of files, {} in swap, {} of page tables",
      one.victim, one.at_limit ? "its limit" : "the machine", one.asked_by, one.order.raw(), one.points,
      one.oom_score_adj, one.anon.raw(), one.file.raw(), one.swap.raw(), one.tables.raw());
}

std::vector<std::string> notes_of(const trace::Reader& reader) {
  std::vector<std::string> notes = reader.notes();
  if (const std::string warning = lab::gate_warning(reader); !warning.empty()) notes.push_back(warning);
  return notes;
}

Result<std::vector<lab::MemoryUse>, Diagnostic> uses_of(const std::string& file,
                                                        const std::vector<lab::ReplayOptions>& runs,
                                                        const std::vector<lab::ReplayResult>& results) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(file));
  std::vector<lab::MemoryUse> uses;
  for (std::size_t i = 0; i < runs.size(); ++i)
    uses.push_back(QUIRE_TRY(lab::memory_use(reader, runs[i], results[i].peak_event)));
  return uses;
}

Json fault_times_json(const cost::FaultTimes& times) {
  constexpr double kSteps = 4;  // to a power of two
  Json list = Json::array();
  std::int64_t step = 0;
  for (const auto& [ns, faults] : times) {
    const auto its = static_cast<std::int64_t>(std::ceil(std::log2(std::max(ns, 1.0)) * kSteps));
    if (list.empty() || its != step) {
      step = its;
      const auto most =
          static_cast<std::uint64_t>(std::llround(std::exp2(static_cast<double>(its) / kSteps)));
      list.push_back({{"at_most_ns", most}, {"faults", 0}});
    }
    list.back()["faults"] = list.back()["faults"].get<std::uint64_t>() + faults;
  }
  return list;
}

Json replay_document(const ReplayAnswer& answer, const std::string& path, const trace::Reader& reader,
                     ByteCount ram, const cost::Profile& profile) {
  Json document = new_document();
  document["inputs"] = input_json(path, reader);
  document["machine"] = {{"ram_bytes", ram.raw()}, {"profile", profile.name}};
  document["notes"] = texts_json(answer.notes);
  document["policies"] = Json::array();
  for (std::size_t i = 0; i < answer.policies.size(); ++i) {
    Json& policy = document["policies"].emplace_back(policy_json(answer.policies[i], answer.results[i]));
    if (!answer.changes.empty() && !answer.changes[i].empty())
      policy["change"] = trace::escape_name(answer.changes[i]);
    if (answer.uses.empty()) continue;
    policy["largest_bytes"] = answer.uses[i].largest.bytes().raw();
    policy["mappings"] = mapping_use_json(answer.uses[i]);
  }
  return document;
}

}  // namespace quire::report
