#include "lab/advise.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "report/advice.h"
#include "report/document.h"

namespace quire::cli {
namespace {

struct Request {
  std::string file;
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

}  // namespace

Result<int, Diagnostic> run_advise(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "advise",
       .synopsis = "FILE [options]",
       .summary = "Replays a recording under every set of folio sizes worth trying and says which the "
                  "host should\nhave for it, or to leave it alone: time, memory, lines to paste, undo.",
       .examples = {"quire advise mine.quire", "quire advise mine.quire --profile mine.toml",
                    "quire advise mine.quire --json | jq .advice.verdict"}});
  arguments.operand("FILE", request.file, "The recording; it must have passed its completeness gate");
  arguments.option("--profile", request.profile, "FILE",
                   "Of this host (quire calibrate); default: the reference machine's");
  arguments.option("--ram", request.ram, "SIZE", "Memory of the simulated machine (default 64G)");
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one for each cpu)");
  arguments.flag("--json", request.json, "For programs: docs/reference/json.md explains the fields");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const ByteCount ram = QUIRE_TRY(ram_of("advise", request.ram));
  const trace::Reader reader = QUIRE_TRY(open_recording("advise", request.file));
  const auto profile = QUIRE_TRY(profile_of(request.profile));
  const lab::Advice advice = QUIRE_TRY(lab::advise({.recording = request.file,
                                                    .ram = ram,
                                                    .profile = profile,
                                                    .profile_is_of_this_host = !request.profile.empty(),
                                                    .jobs = request.jobs}));
  if (!request.json) {
    fmt::print("{}", report::advice_text(advice, program_of(reader)));
  } else {
    auto document = report::new_document();
    document["inputs"] = report::input_json(request.file, reader);
    document["machine"] = {{"ram_bytes", ram.raw()}};
    document["notes"] = report::texts_json(advice.notes);
    document["advice"] = report::advice_json(advice);
    fmt::print("{}", report::to_text(document));
  }
  for (const std::string& note : advice.notes) tell("advise", note);
  return 0;
}

}  // namespace quire::cli
