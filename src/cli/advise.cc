#include "lab/advise.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/record_runs.h"
#include "lab/run_streams.h"
#include "report/advice.h"
#include "report/document.h"

namespace quire::cli {
namespace {

struct Request {
  std::string file;
  std::vector<std::string> command;
  std::string ram = "64G";
  std::string profile;
  unsigned jobs = default_jobs();
  bool json = false;
};

std::string program_of(const trace::Reader& reader) {
  const auto& argv = reader.header().argv;
  if (argv.empty()) return "a program";
  return argv.front().substr(argv.front().rfind('/') + 1);
}

Diagnostic misuse(std::string what) {
  return {Diagnostic::Kind::kUsage, "advise", std::move(what), "quire advise FILE, or quire advise -- CMD"};
}

// The recording that is named, or one made of the command, which is gone with `made`.
Result<std::string, Diagnostic> recording_of(const Request& request, std::optional<lab::RecordedRuns>& made) {
  if (request.file.empty() == request.command.empty())
    return fail(
        misuse(request.file.empty() ? "nothing to advise on" : "a recording and a command: only one"));
  if (!request.file.empty()) return request.file;
  const lab::RunStreams streams = QUIRE_TRY(lab::RunStreams::enter());
  auto runs = QUIRE_TRY(lab::RecordedRuns::make(
      {.command = request.command, .tool_version = std::string(report::tool_version())}));
  made.emplace(std::move(runs));
  return made->files().front();
}

void print_answer(const Request& request, const lab::Advice& advice, const trace::Reader& reader,
                  ByteCount ram) {
  if (!request.json) {
    fmt::print("{}", report::advice_text(advice, program_of(reader)));
    return;
  }
  auto document = report::new_document();
  if (request.command.empty()) {
    document["inputs"] = report::input_json(request.file, reader);
  } else {
    document["inputs"] = {{"command", report::texts_json(request.command)}};
  }
  document["machine"] = {{"ram_bytes", ram.raw()}};
  document["notes"] = report::texts_json(advice.notes);
  document["advice"] = report::advice_json(advice);
  fmt::print("{}", report::to_text(document));
}

}  // namespace

Result<int, Diagnostic> run_advise(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "advise",
       .synopsis = "[options] FILE | -- CMD [ARG...]",
       .summary = "Replays a recording (or records CMD) under every set of folio sizes worth trying and says "
                  "which\nthe host should have, or to leave it alone: time, memory, lines to paste, undo.",
       .examples = {"quire advise mine.quire", "quire advise --profile mine.toml -- python3 script.py",
                    "quire advise mine.quire --json | jq .advice.verdict"}});
  arguments.operand("FILE", request.file, "The recording; it must have passed its completeness gate");
  arguments.option("--profile", request.profile, "FILE",
                   "Of this host (quire calibrate); default: the reference machine's");
  arguments.option("--ram", request.ram, "SIZE", "Memory of the simulated machine (default 64G)");
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one for each cpu)");
  arguments.flag("--json", request.json, "For programs: docs/reference/json.md explains the fields");
  arguments.command(request.command);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const ByteCount ram = QUIRE_TRY(ram_of("advise", request.ram));
  const auto profile = QUIRE_TRY(profile_of(request.profile));
  std::optional<lab::RecordedRuns> made;
  const std::string file = QUIRE_TRY(recording_of(request, made));
  const trace::Reader reader = QUIRE_TRY(open_recording("advise", file));
  const lab::Advice advice = QUIRE_TRY(lab::advise({.recording = file,
                                                    .ram = ram,
                                                    .profile = profile,
                                                    .profile_is_of_this_host = !request.profile.empty(),
                                                    .jobs = request.jobs}));
  print_answer(request, advice, reader, ram);
  for (const std::string& note : advice.notes) tell("advise", note);
  return 0;
}

}  // namespace quire::cli
