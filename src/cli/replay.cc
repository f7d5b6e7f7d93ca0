#include "lab/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/mapping_use.h"
#include "lab/replay_many.h"
#include "policy/parse.h"
#include "report/document.h"
#include "report/figures.h"
#include "report/mapping_use.h"
#include "report/table.h"

namespace quire::cli {
namespace {

struct Request {
  std::string file;
  std::vector<std::string> policies;
  std::string ram = "64G";
  std::string profile;
  unsigned jobs = default_jobs();
  bool by_mapping = false;
  bool json = false;
};

struct Answer {
  std::vector<lab::Policy> policies;
  std::vector<lab::ReplayResult> results;  // of each policy
  std::vector<lab::MemoryUse> uses;        // of each policy, when asked for
  std::vector<std::string> notes;          // about the recording
};

void print_table(const Answer& answer, report::Ink ink) {
  std::vector<report::Column> columns;
  columns.reserve(answer.policies.size());
  for (std::size_t i = 0; i < answer.policies.size(); ++i) {
    columns.push_back({answer.policies[i].text, report::sheet_of(answer.results[i])});
  }
  fmt::print("{}", report::table_of(columns, ink));
  for (std::size_t i = 0; i < answer.uses.size(); ++i)
    fmt::print("\n{}", report::mapping_use_text(answer.uses[i], answer.policies[i].text));
}

nlohmann::ordered_json policy_json(const lab::Policy& policy, const lab::ReplayResult& result) {
  nlohmann::ordered_json json{{"policy", policy.text}, {"canonical", policy::canonical(policy.settings)}};
  json.update(report::json_of(report::sheet_of(result)));
  json["counters"] = report::counters_json(result.counters);
  json["notes"] = report::texts_json(result.notes);
  return json;
}

void print_json(const Request& request, const Answer& answer, const trace::Reader& reader, ByteCount ram,
                const cost::Profile& profile) {
  auto document = report::new_document();
  document["inputs"] = report::input_json(request.file, reader);
  document["machine"] = {{"ram_bytes", ram.raw()}, {"profile", profile.name}};
  document["notes"] = report::texts_json(answer.notes);
  document["policies"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < answer.policies.size(); ++i) {
    document["policies"].push_back(policy_json(answer.policies[i], answer.results[i]));
    if (answer.uses.empty()) continue;
    document["policies"].back()["largest_bytes"] = answer.uses[i].largest.bytes().raw();
    document["policies"].back()["mappings"] = report::mapping_use_json(answer.uses[i]);
  }
  fmt::print("{}", report::to_text(document));
}

// Each sentence once: most are about the recording and the same for every policy.
void tell_notes(const Answer& answer) {
  std::vector<std::string> told = answer.notes;
  for (const lab::ReplayResult& result : answer.results) {
    for (const std::string& note : result.notes) {
      if (std::ranges::find(told, note) == told.end()) told.push_back(note);
    }
  }
  for (const std::string& note : told) tell("replay", note);
}

Result<std::vector<lab::MemoryUse>, Diagnostic> uses_of(const Request& request,
                                                        const std::vector<lab::ReplayOptions>& runs,
                                                        const std::vector<lab::ReplayResult>& results) {
  std::vector<lab::MemoryUse> uses;
  if (!request.by_mapping) return uses;
  trace::Reader reader = QUIRE_TRY(open_recording("replay", request.file));
  for (std::size_t i = 0; i < runs.size(); ++i)
    uses.push_back(QUIRE_TRY(lab::memory_use(reader, runs[i], results[i].peak_event)));
  return uses;
}

std::vector<std::string> notes_of(const trace::Reader& reader) {
  std::vector<std::string> notes = reader.notes();
  if (const std::string warning = lab::gate_warning(reader); !warning.empty()) notes.push_back(warning);
  return notes;
}

}  // namespace

Result<int, Diagnostic> run_replay(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "replay",
       .synopsis = "FILE [--policy P]... [options]",
       .summary = "Replays a recording through Quire's own memory manager under each policy: faults, "
                  "folios,\nsplits, memory and waste side by side. Needs no privilege, runs nothing.",
       .examples = {"quire replay mine.quire", "quire replay mine.quire --policy 64K --policy 2M",
                    "quire replay mine.quire --policy 'thp_anon=16K-64K:always;2M:madvise'"}});
  arguments.operand("FILE", request.file, "The recording", Values::files(".quire"));
  arguments.option("-p,--policy", request.policies, "POLICY",
                   "In the kernel's words, or 4K, 16K+64K, all; repeatable");
  arguments.option("--ram", request.ram, "SIZE", "Memory of the simulated machine (default 64G)",
                   Values::of({"1G", "4G", "16G", "64G", "256G", "1T"}));
  arguments.option("--profile", request.profile, "FILE",
                   "Machine that times are of (default: reference machine)", Values::files(".toml"));
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one per cpu)");
  arguments.flag("--by-mapping", request.by_mapping,
                 "Also each mapping at the peak: waste, why it is not huge");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const ByteCount ram = QUIRE_TRY(ram_of("replay", request.ram));
  const trace::Reader reader = QUIRE_TRY(open_recording("replay", request.file));
  Answer answer{.policies = QUIRE_TRY(policies_of("replay", request.policies)),
                .results = {},
                .uses = {},
                .notes = notes_of(reader)};
  std::vector<lab::ReplayOptions> runs;
  runs.reserve(answer.policies.size());
  const auto profile = QUIRE_TRY(profile_of(request.profile));
  for (const lab::Policy& policy : answer.policies) runs.push_back({policy.settings, ram, profile});
  answer.results = QUIRE_TRY(lab::replay_many(request.file, runs, request.jobs));
  answer.uses = QUIRE_TRY(uses_of(request, runs, answer.results));
  if (request.json) {
    print_json(request, answer, reader, ram, *profile);
  } else {
    print_table(answer, arguments.ink());
  }
  tell_notes(answer);
  return status_of_input(request.file, reader);
}

}  // namespace quire::cli
