#include "convert/convert.h"

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/replay.h"
#include "policy/near_miss.h"
#include "report/document.h"
#include "trace/describe.h"
#include "trace/reader.h"
#include "trace/writer.h"

namespace quire::cli {
namespace {

struct Request {
  std::string input;
  std::string output;
  std::string from;
  bool lenient = false;
  bool scrub = false;
};

Diagnostic misuse(std::string where, std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, std::move(where), std::move(what), std::move(hint)};
}

Result<std::optional<convert::Format>, Diagnostic> format_of(const std::string& word) {
  if (word.empty()) return std::nullopt;
  if (const auto format = convert::format_from_word(word)) return format;
  const std::vector<std::string> names{"perf", "strace", "lackey"};
  return fail(misuse("convert: --from",
                     fmt::format("\"{}\" is no format: there are perf, strace, lackey", word),
                     policy::did_you_mean(word, names)));
}

Result<convert::ConvertOptions, Diagnostic> options_of(const Request& request) {
  if (request.input.empty())
    return fail(misuse("convert", "nothing to read", "quire convert INPUT -o FILE.quire"));
  if (request.output.empty()) return fail(misuse("convert", "no file to write", "name it with -o FILE"));
  return convert::ConvertOptions{
      .input = request.input,
      .output = request.output,
      .format = QUIRE_TRY(format_of(request.from)),
      .lines = request.lenient ? convert::Lines::kSkipBad : convert::Lines::kAllMustFit,
      .scrubber = request.scrub ? record::Scrubber::with_random_salt() : record::Scrubber(),
      .tool_version = std::string(report::tool_version())};
}

// A line of a foreign file cannot write to the terminal.
void tell_escaped(const std::string& line) { tell("convert", trace::escape_name(line)); }

void tell_conversion(const Request& request, const convert::Converted& done, const trace::Gate& gate) {
  tell_escaped(fmt::format("{}: {} lines of {}, {} touches, {} tasks", request.output, done.tally.lines,
                           done.header.imported_from, done.summary.touches, done.summary.tasks));
  if (done.tally.skipped != 0)
    tell_escaped(
        fmt::format("{} lines left out; the first: {}", done.tally.skipped, done.tally.first_skipped));
  for (const std::string& lack : done.header.lacks) tell_escaped("it lacks: " + lack);
  tell("convert", gate.passed ? fmt::format("gate passed: {} faults are accounted for", gate.kernel_faults)
                              : "gate FAILED: advise will recommend nothing from it");
  for (const std::string& failure : gate.failures) tell_escaped(failure);
}

}  // namespace

Result<int, Diagnostic> run_convert(Words words) {
  Request request;
  Arguments arguments({.verb = "convert",
                       .synopsis = "INPUT -o FILE [options]",
                       .summary = "Makes a recording of what another program traced: perf script, strace, or "
                                  "valgrind's lackey.\nWhat such a text cannot show stands in the recording, "
                                  "and decides what may be concluded from it.",
                       .examples = {"quire convert strace.txt -o mine.quire",
                                    "perf script -F +addr | quire convert - --from perf -o mine.quire",
                                    "quire convert lackey.txt --from lackey --lenient -o mine.quire"}});
  arguments.operand("INPUT", request.input, "The text; - is standard input", Values::files(""));
  arguments.option("-o,--output", request.output, "FILE", "The recording; an older one becomes FILE.old");
  arguments.option("--from", request.from, "FORMAT", "perf, strace or lackey (default: as the text shows)",
                   Values::of({"perf", "strace", "lackey"}));
  arguments.flag("--lenient", request.lenient, "Leave out lines that do not fit, and say how many");
  arguments.flag("--scrub", request.scrub, "Replace names of files by hashes");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const convert::ConvertOptions options = QUIRE_TRY(options_of(request));
  const convert::Converted done = QUIRE_TRY(convert::convert(options));
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(request.output));
  const trace::Gate gate = QUIRE_TRY(lab::compute_gate(reader));
  QUIRE_TRY(trace::write_gate(request.output, gate));
  tell_conversion(request, done, gate);
  return 0;
}

}  // namespace quire::cli
