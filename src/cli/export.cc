#include <fmt/format.h>

#include <array>

#include "cli/arguments.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "exports/formats.h"
#include "exports/output.h"
#include "exports/results.h"
#include "policy/near_miss.h"
#include "policy/parse.h"
#include "trace/reader.h"

namespace quire::cli {
namespace {

enum class Format : std::uint8_t { kJsonl, kCsv, kMarkdown, kOpenMetrics, kPerfetto };

struct FormatName {
  Format format;
  std::string_view word;
  std::string_view suffix;  // of files in it
};
constexpr std::array kFormats{
    FormatName{Format::kJsonl, "jsonl", ".jsonl"},
    FormatName{Format::kCsv, "csv", ".csv"},
    FormatName{Format::kMarkdown, "markdown", ".md"},
    FormatName{Format::kOpenMetrics, "openmetrics", ".prom"},
    FormatName{Format::kPerfetto, "perfetto", ".pftrace"},
};

struct Request {
  std::string file;
  std::string format;
  std::string output;
  std::string policy = "4K";
  std::string ram;
  std::string machine;
  std::string profile;
  bool for_public = false;
};

Diagnostic misuse(std::string where, std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, std::move(where), std::move(what), std::move(hint)};
}

std::vector<std::string> words() {
  std::vector<std::string> all;
  for (const FormatName& name : kFormats) all.emplace_back(name.word);
  return all;
}

// The word that was given, or what the output's name ends with.
Result<Format, Diagnostic> format_of(const Request& request) {
  for (const FormatName& name : kFormats) {
    if (request.format == name.word || (request.format.empty() && request.output.ends_with(name.suffix)))
      return name.format;
  }
  const std::string list = fmt::format("{}", fmt::join(words(), ", "));
  if (request.format.empty())
    return fail(misuse("export", "no format given", "--format says which: " + list));
  return fail(misuse("export: --format",
                     fmt::format("\"{}\" is no format: there are {}", request.format, list),
                     policy::did_you_mean(request.format, words())));
}

Result<void, Diagnostic> export_recording(const Request& request, Format format,
                                          const record::Scrubber& scrubber, exports::Output& out) {
  trace::Reader reader = QUIRE_TRY(trace::Reader::open(request.file));
  for (const std::string& note : reader.notes()) tell("export", note);
  switch (format) {
    case Format::kJsonl:
      return exports::events_jsonl(reader, scrubber, out);
    case Format::kCsv:
      return exports::events_csv(reader, scrubber, out);
    case Format::kPerfetto: {
      const auto machine = QUIRE_TRY(machine_of("export", request.machine, request.ram));
      const ByteCount ram = QUIRE_TRY(ram_of("export", request.ram.empty() ? "64G" : request.ram));
      const lab::ReplayOptions options{.settings = QUIRE_TRY(policy::parse_policy(request.policy)),
                                       .ram = ram,
                                       .profile = QUIRE_TRY(profile_of(request.profile)),
                                       .machine = machine};
      return exports::recording_perfetto(reader, options, scrubber, out);
    }
    case Format::kMarkdown:
    case Format::kOpenMetrics:
      break;
  }
  return fail(misuse("export", "a recording has no figures for this format",
                     fmt::format("quire replay {} --json > result.json, then export that", request.file)));
}

Result<void, Diagnostic> export_results(const Request& request, Format format,
                                        const record::Scrubber& scrubber, exports::Output& out) {
  const exports::Results results = QUIRE_TRY(exports::read_results(request.file, scrubber));
  switch (format) {
    case Format::kJsonl:
      exports::results_jsonl(results, out);
      break;
    case Format::kCsv:
      exports::results_csv(results, out);
      break;
    case Format::kMarkdown:
      exports::results_markdown(results, out);
      break;
    case Format::kOpenMetrics:
      exports::results_openmetrics(results, out);
      break;
    case Format::kPerfetto:
      return fail(misuse("export", "perfetto shows a recording over time, not a result",
                         "quire export FILE.quire --format perfetto -o FILE.pftrace"));
  }
  return {};
}

}  // namespace

Result<int, Diagnostic> run_export(Words given) {
  Request request;
  Arguments arguments(
      {.verb = "export",
       .synopsis = "FILE [--format FORMAT] [-o OUT] [options]",
       .summary =
           "Writes a recording, the --json answer of replay, advise or verify, or the results of a sweep "
           "in a form for other programs, or for a mail.",
       .examples = {"quire export mine.quire -o mine.pftrace --policy 64K",
                    "quire replay mine.quire --json > r.json; quire export r.json -o r.md",
                    "quire export --public mine.quire --format jsonl -o mine.jsonl"}});
  arguments.operand("FILE", request.file, "A recording, a --json answer or the results of a sweep",
                    Values::files(""));
  arguments.option("--format", request.format, "FORMAT",
                   "jsonl, csv, markdown, openmetrics, perfetto (default: by OUT's name)",
                   Values::of(words()));
  arguments.option("-o,--output", request.output, "OUT", "The file (default: standard output)",
                   Values::files(""));
  arguments.flag("--public", request.for_public, "Replace names, paths and commands by hashes");
  arguments.option("-p,--policy", request.policy, "POLICY",
                   "perfetto: what the recording is replayed under (default 4K)");
  arguments.option("--ram", request.ram, "SIZE", "perfetto: memory of the simulated machine (default 64G)");
  arguments.option("--machine", request.machine, "MACHINE",
                   "perfetto: instead, one short of memory, as for replay");
  arguments.option("--profile", request.profile, "FILE", "perfetto: machine that times are priced by");
  if (QUIRE_TRY(arguments.parse(given)) == Arguments::Parsed::kHelpShown) return 0;

  if (request.file.empty())
    return fail(misuse("export", "nothing to export", "quire export FILE --format FORMAT"));
  const Format format = QUIRE_TRY(format_of(request));
  const auto scrubber = request.for_public ? record::Scrubber::with_random_salt() : record::Scrubber();
  exports::Output out = QUIRE_TRY(exports::Output::open(request.output));
  if (format == Format::kPerfetto && out.is_terminal())
    return fail(misuse("export", "a Perfetto trace is no text", "name a file with -o"));
  QUIRE_TRY(exports::is_recording(request.file) ? export_recording(request, format, scrubber, out)
                                                : export_results(request, format, scrubber, out));
  QUIRE_TRY(out.finish());
  return 0;
}

}  // namespace quire::cli
