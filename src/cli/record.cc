#include "record/recorder.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/replay.h"
#include "policy/near_miss.h"
#include "report/document.h"
#include "trace/reader.h"
#include "trace/writer.h"

namespace quire::cli {
namespace {

struct Request {
  std::string output;
  std::string tier;
  bool scrub = false;
  bool aslr = false;
  unsigned hotness_ms = 0;
  bool contents = false;
  std::vector<std::string> command;
};

Diagnostic misuse(std::string where, std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, std::move(where), std::move(what), std::move(hint)};
}

Result<std::optional<trace::Tier>, Diagnostic> tier_of(const std::string& word) {
  if (word.empty()) return std::nullopt;
  if (const auto tier = trace::tier_from_name(word); tier && *tier != trace::Tier::kImported) return tier;
  const std::vector<std::string> names{"bpf", "perf", "unprivileged"};
  return fail(misuse("record: --tier",
                     fmt::format("\"{}\" is no tier: there are bpf, perf, unprivileged", word),
                     policy::did_you_mean(word, names)));
}

Result<record::RecordOptions, Diagnostic> options_of(const Request& request) {
  if (request.output.empty()) return fail(misuse("record", "no file to write", "name it with -o FILE"));
  if (request.command.empty()) {
    return fail(misuse("record", "no command to record", "it stands behind --: quire record -o FILE -- CMD"));
  }
  record::RecordOptions options;
  options.output = request.output;
  options.command = request.command;
  options.scrub = request.scrub ? record::Scrub::kYes : record::Scrub::kNo;
  options.aslr = request.aslr ? live::Aslr::kHost : live::Aslr::kOff;
  options.hotness_ms = request.hotness_ms;
  options.contents = request.contents ? record::Contents::kCount : record::Contents::kNo;
  options.force_tier = QUIRE_TRY(tier_of(request.tier));
  options.tool_version = report::tool_version();
  return options;
}

// What a shell says about a command that ended with this wait(2) status.
int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// A command that could not be run has no tasks, and no file.
bool was_run(const record::RecordOutcome& outcome) { return outcome.summary.tasks != 0; }

void tell_gate(const trace::Gate& gate) {
  tell("record", gate.passed
                     ? fmt::format("gate passed: all {} faults of the kernel's count are accounted for",
                                   gate.kernel_faults)
                     : "gate FAILED: this recording is not complete");
  for (const std::string& failure : gate.failures) tell("record", failure);
}

// Decides by replay whether the recording is complete, and marks it.
Result<void, Diagnostic> check_gate(const std::string& file) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(file));
  const trace::Gate gate = QUIRE_TRY(lab::compute_gate(reader));
  QUIRE_TRY(trace::write_gate(file, gate));
  tell_gate(gate);
  return {};
}

Result<void, Diagnostic> tell_recording(const Request& request, const record::RecordOutcome& outcome) {
  const trace::Reader reader = QUIRE_TRY(trace::Reader::open(request.output));
  const trace::Summary& summary = *reader.summary();  // of a file that was finished
  tell("record", fmt::format("{}: {} events, {} lost, tier {}", request.output, summary.events,
                             summary.lost_events, trace::tier_name(outcome.tier)));
  for (const std::string& lack : reader.header().lacks) tell("record", "this tier lacks: " + lack);
  return check_gate(request.output);
}

}  // namespace

Result<int, Diagnostic> run_record(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "record",
       .synopsis = "-o FILE [options] -- CMD [ARG...]",
       .summary = "Runs CMD and writes down its memory events: calls, faults, forks, never its data. "
                  "The exit\nstatus is CMD's; signals reach it. Large pages are off for it meanwhile.",
       .examples = {"quire record -o mine.quire -- python3 script.py",
                    "quire record -o build.quire -- sh -c 'make clean && make'",
                    "quire record --scrub -o public.quire -- ./server --once"}});
  arguments.option("-o,--output", request.output, "FILE", "The recording; an older one becomes FILE.old",
                   Values::files(".quire"));
  arguments.flag("--scrub", request.scrub, "Blank the environment's values, hash file names");
  arguments.flag("--aslr", request.aslr,
                 "Keep address randomisation as the host has it (default: off for CMD)");
  arguments.option("--tier", request.tier, "TIER", "bpf, perf or unprivileged (default: the best that works)",
                   Values::of({"bpf", "perf", "unprivileged"}));
  arguments.option("--hotness", request.hotness_ms, "MS",
                   "Every MS milliseconds, which pages were used meanwhile");
  arguments.flag("--contents-statistics", request.contents, "How well memory compresses: sizes only");
  arguments.command(request.command);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const record::RecordOptions options = QUIRE_TRY(options_of(request));
  const record::RecordOutcome outcome = QUIRE_TRY(record::record(options));
  for (const std::string& note : outcome.notes) tell("record", note);
  // From here on the target's status wins: what it did is done.
  if (was_run(outcome)) {
    if (const auto told = tell_recording(request, outcome); !told) tell(told.error());
  }
  return shell_status(outcome.wait_status);
}

}  // namespace quire::cli
