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
#include "trace/describe.h"

namespace quire::cli {
namespace {

struct Request {
  std::string file;
  std::vector<std::string> command;
  std::string ram = "64G";
  std::string profile;
  std::string kernel;
  std::string scope = "mapping";
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

// Only kernels whose faults are as those of the model, as far as it knows, or that had fewer sizes.
Result<std::optional<policy::KernelVersion>, Diagnostic> kernel_of(const std::string& text) {
  if (text.empty()) return std::optional<policy::KernelVersion>();
  const auto version = policy::parse_kernel_version(text);
  if (!version)
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "advise",
                           fmt::format("--kernel \"{}\" is no kernel's version", trace::escape_name(text)),
                           "two numbers: --kernel 6.12"});
  return std::optional<policy::KernelVersion>(*version);
}

Result<lab::Scope, Diagnostic> scope_of(const std::string& text) {
  const auto scope = lab::parse_scope(text);
  if (!scope)
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "advise",
                           fmt::format("--scope \"{}\" is none", trace::escape_name(text)),
                           "mapping, runtime, service, advised or host"});
  return *scope;
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
                  ByteCount ram, report::Ink ink) {
  if (!request.json) {
    fmt::print("{}", report::advice_text(advice, program_of(reader), ink));
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
  arguments.operand("FILE", request.file, "The recording; it must have passed its gate",
                    Values::files(".quire"));
  arguments.option("--profile", request.profile, "FILE", "Of this host (default: of the reference machine)",
                   Values::files(".toml"));
  arguments.option("--ram", request.ram, "SIZE", "Memory of the simulated machine (default 64G)",
                   Values::of({"1G", "4G", "16G", "64G", "256G", "1T"}));
  arguments.option("--kernel", request.kernel, "VERSION",
                   "For Linux 6.12, say (default: the one recorded on)");
  arguments.option("--scope", request.scope, "SCOPE", "Nothing narrower than this; default mapping",
                   Values::of({"mapping", "runtime", "service", "advised", "host"}));
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one per cpu)");
  arguments.json(request.json);
  arguments.command(request.command);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const ByteCount ram = QUIRE_TRY(ram_of("advise", request.ram));
  const auto profile = QUIRE_TRY(profile_of(request.profile));
  const auto kernel = QUIRE_TRY(kernel_of(request.kernel));
  const lab::Scope scope = QUIRE_TRY(scope_of(request.scope));
  std::optional<lab::RecordedRuns> made;
  const std::string file = QUIRE_TRY(recording_of(request, made));
  const trace::Reader reader = QUIRE_TRY(open_recording("advise", file));
  const lab::Advice advice =
      QUIRE_TRY(lab::advise({.recording = file,
                             .ram = ram,
                             .profile = profile,
                             .profile_is_of_this_host = !request.profile.empty() && profile->rounds != 0,
                             .kernel = kernel,
                             .narrowest = scope,
                             .jobs = request.jobs}));
  print_answer(request, advice, reader, ram, arguments.ink());
  for (const std::string& note : advice.notes) tell("advise", note);
  return 0;
}

}  // namespace quire::cli
