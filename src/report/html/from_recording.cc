#include "report/html/from_recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/size.h"
#include "lab/advise.h"
#include "lab/replay_many.h"
#include "policy/parse.h"
#include "report/advice.h"
#include "report/document.h"
#include "report/html/escape.h"
#include "report/replay_document.h"

namespace quire::report {
namespace {

constexpr unsigned kSamples = 200;
constexpr std::size_t kMostReplayed = 6;

std::string options_of(const FromRecording& request) {
  std::string text = fmt::format(" --ram {}", base::short_size(request.ram));
  if (!request.profile_file.empty()) text += " --profile " + shell_word(request.profile_file);
  return text;
}

// What we write ourselves is read as strictly as what comes from elsewhere: a recording may hold more of
// something than a report takes.
Result<Run, Diagnostic> run_of(const FromRecording& request, const trace::Reader& reader, std::string command,
                               const Json& document) {
  Run run = QUIRE_TRY(parse_run(to_text(document), request.file));
  run.hash = hash_text(reader.content_hash());
  run.command = std::move(command);
  return run;
}

Json advice_document(const FromRecording& request, const lab::Advice& advice, const trace::Reader& reader) {
  Json document = new_document();
  document["inputs"] = input_json(request.file, reader);
  document["machine"] = {{"ram_bytes", request.ram.raw()}, {"profile", request.profile->name}};
  document["notes"] = texts_json(advice.notes);
  document["advice"] = advice_json(advice);
  return document;
}

// What is looked at more closely.
struct Look {
  lab::Policy policy;
  lab::ProgramChange change{};
};

// Each once, under its first name.
class Looks {
 public:
  void add(const Look& look) {
    const std::string key = policy::canonical(look.policy.settings) + " " + look.change.name;
    if (looks_.size() == kMostReplayed || std::ranges::find(keys_, key) != keys_.end()) return;
    keys_.push_back(key);
    looks_.push_back(look);
  }
  void add(const lab::Candidate& candidate) {
    const bool now = candidate.policy == "now";
    add({{now ? policy::canonical(candidate.settings) : candidate.policy, candidate.settings},
         candidate.change});
  }
  void add(const char* words) {
    const auto settings = policy::parse_policy(words);
    QUIRE_CHECK(settings.has_value());
    add(Look{{words, *settings}, {}});
  }
  [[nodiscard]] std::vector<Look> take() && { return std::move(looks_); }

 private:
  std::vector<Look> looks_;
  std::vector<std::string> keys_;
};

// The host as it was, the advice, and what folklore names.
std::vector<Look> worth_showing(const std::optional<lab::Advice>& advice) {
  Looks looks;
  if (advice) {
    looks.add(advice->now());
    looks.add(advice->recommended());
  }
  for (const char* const words : {"4K", "64K", "2M", "all"}) looks.add(words);
  return std::move(looks).take();
}

// No other verb replays a change within the program.
std::string replay_command(const FromRecording& request, const std::vector<Look>& looks) {
  std::string command = fmt::format("quire replay {} --json --by-mapping --timeline {}{}",
                                    shell_word(request.file), kSamples, options_of(request));
  for (const Look& look : looks)
    if (look.change.name.empty()) command += " --policy " + shell_word(look.policy.text);
  return command;
}

Result<Run, Diagnostic> replay_run(const FromRecording& request, const trace::Reader& reader,
                                   const std::vector<Look>& looks, const std::vector<std::string>& notes) {
  ReplayAnswer answer{.policies = {}, .results = {}, .uses = {}, .changes = {}, .notes = notes_of(reader)};
  answer.notes.insert(answer.notes.end(), notes.begin(), notes.end());
  std::vector<lab::ReplayOptions> runs;
  for (const Look& look : looks) {
    answer.policies.push_back(look.policy);
    answer.changes.push_back(look.change.name);
    runs.push_back({.settings = look.policy.settings,
                    .ram = request.ram,
                    .profile = request.profile,
                    .own = look.change.own,
                    .timeline_samples = kSamples});
  }
  answer.results = QUIRE_TRY(lab::replay_many(request.file, runs, request.jobs));
  answer.uses = QUIRE_TRY(uses_of(request.file, runs, answer.results));
  return run_of(request, reader, replay_command(request, looks),
                replay_document(answer, request.file, reader, request.ram, *request.profile));
}

}  // namespace

Result<std::vector<Run>, Diagnostic> runs_of_recording(const FromRecording& request) {
  const trace::Reader reader = QUIRE_TRY(trace::Reader::open(request.file));
  std::vector<Run> runs;
  if (!request.policies.empty()) {
    std::vector<Look> looks;
    for (const lab::Policy& policy : request.policies) looks.push_back({policy, {}});
    runs.push_back(QUIRE_TRY(replay_run(request, reader, looks, {})));
    return runs;
  }
  std::optional<lab::Advice> advice;
  std::vector<std::string> notes;
  auto advised = lab::advise({.recording = request.file,
                              .ram = request.ram,
                              .profile = request.profile,
                              .profile_is_of_this_host = !request.profile_file.empty(),
                              .kernel = std::nullopt,
                              .narrowest = lab::Scope::kMapping,
                              .jobs = request.jobs});
  if (advised) {
    advice = std::move(*advised);
    runs.push_back(QUIRE_TRY(
        run_of(request, reader,
               fmt::format("quire advise {} --json{}", shell_word(request.file), options_of(request)),
               advice_document(request, *advice, reader))));
  } else {
    notes.push_back("no advice: " + advised.error().what);
  }
  runs.push_back(QUIRE_TRY(replay_run(request, reader, worth_showing(advice), notes)));
  return runs;
}

}  // namespace quire::report
