#include "lab/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/replay_many.h"
#include "report/document.h"
#include "report/figures.h"
#include "report/mapping_use.h"
#include "report/replay_document.h"
#include "report/table.h"

namespace quire::cli {
namespace {

struct Request {
  std::string file;
  std::vector<std::string> policies;
  std::string ram;
  std::string machine;
  std::string profile;
  unsigned jobs = default_jobs();
  bool by_mapping = false;
  unsigned timeline = 0;
  bool json = false;
};

void print_table(const report::ReplayAnswer& answer, report::Ink ink) {
  std::vector<report::Column> columns;
  columns.reserve(answer.policies.size());
  for (std::size_t i = 0; i < answer.policies.size(); ++i) {
    columns.push_back({answer.policies[i].text, report::sheet_of(answer.results[i])});
  }
  fmt::print("{}", report::table_of(columns, ink));
  for (std::size_t i = 0; i < answer.policies.size(); ++i) {
    if (!answer.results[i].pressure) continue;
    for (const lab::Killed& one : answer.results[i].pressure->killed)
      fmt::print("{}: {}\n", answer.policies[i].text, report::killed_text(one));
  }
  for (std::size_t i = 0; i < answer.uses.size(); ++i)
    fmt::print("\n{}", report::mapping_use_text(answer.uses[i], answer.policies[i].text));
}

// Each sentence once: most are about the recording and the same for every policy.
void tell_notes(const report::ReplayAnswer& answer) {
  std::vector<std::string> told = answer.notes;
  for (const lab::ReplayResult& result : answer.results) {
    for (const std::string& note : result.notes) {
      if (std::ranges::find(told, note) == told.end()) told.push_back(note);
    }
  }
  for (const std::string& note : told) tell("replay", note);
}

// Fewer are no timeline, and more than a page can show.
constexpr unsigned kMostSamples = 2000;

Result<void, Diagnostic> check(const Request& request) {
  if (request.timeline == 0) return {};
  const auto misuse = [](std::string what, std::string hint) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "replay: --timeline", std::move(what), std::move(hint)});
  };
  if (request.timeline < 2 || request.timeline > kMostSamples)
    return misuse(fmt::format("expected 2 to {}", kMostSamples), "");
  if (!request.json) return misuse("is part of the answer for programs only", "add --json");
  return {};
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
  arguments.option("--machine", request.machine, "MACHINE",
                   "Instead: one short of memory, 'ram=4G swap=block:4G'", Values{Values::Kind::kAny});
  arguments.option("--profile", request.profile, "FILE",
                   "Machine that times are of (default: reference machine)", Values::files(".toml"));
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one per cpu)");
  arguments.flag("--by-mapping", request.by_mapping,
                 "Also each mapping at the peak: waste, why it is not huge");
  arguments.option("--timeline", request.timeline, "N", "With --json: memory at N moments, for quire report");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const std::optional<lab::Machine> machine = QUIRE_TRY(machine_of("replay", request.machine, request.ram));
  const ByteCount ram =
      machine ? machine->ram : QUIRE_TRY(ram_of("replay", request.ram.empty() ? "64G" : request.ram));
  const trace::Reader reader = QUIRE_TRY(open_recording("replay", request.file));
  QUIRE_TRY(check(request));
  report::ReplayAnswer answer{.policies = QUIRE_TRY(policies_of("replay", request.policies)),
                              .results = {},
                              .uses = {},
                              .changes = {},
                              .notes = report::notes_of(reader)};
  std::vector<lab::ReplayOptions> runs;
  runs.reserve(answer.policies.size());
  const auto profile = QUIRE_TRY(profile_of(request.profile));
  for (const lab::Policy& policy : answer.policies)
    runs.push_back({.settings = policy.settings,
                    .ram = ram,
                    .profile = profile,
                    .timeline_samples = request.timeline,
                    .machine = machine});
  answer.results = QUIRE_TRY(lab::replay_many(request.file, runs, request.jobs));
  if (request.by_mapping) answer.uses = QUIRE_TRY(report::uses_of(request.file, runs, answer.results));
  if (request.json) {
    auto document = report::replay_document(answer, request.file, reader, ram, *profile);
    if (machine) document["machine"]["description"] = machine->text;
    document["machine"]["fragmentation"] = lab::machine_of(runs.front()).fragmentation.chance;
    fmt::print("{}", report::to_text(document));
  } else {
    print_table(answer, arguments.ink());
  }
  tell_notes(answer);
  return status_of_input(request.file, reader);
}

}  // namespace quire::cli
