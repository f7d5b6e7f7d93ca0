#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/output_page.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "lab/sweep_store.h"
#include "live/unique_fd.h"
#include "report/document.h"
#include "report/html/from_recording.h"
#include "report/html/page.h"
#include "report/sweep_document.h"
#include "trace/format.h"

namespace quire::cli {
namespace {

struct Request {
  std::vector<std::string> runs;
  std::string output;
  std::vector<std::string> policies;
  std::string ram = "64G";
  std::string profile;
  unsigned jobs = default_jobs();
  bool text = false;
};

constexpr std::size_t kMostRuns = 32;

Diagnostic misuse(std::string what) {
  return {Diagnostic::Kind::kUsage, "report", std::move(what), "quire report RUN... -o report.html"};
}

Result<void, Diagnostic> check(const Request& request) {
  if (request.runs.empty()) return fail(misuse("nothing to report on"));
  if (request.runs.size() > kMostRuns) return fail(misuse(fmt::format("more than {} RUNs", kMostRuns)));
  if (request.output.empty() && !request.text)
    return fail(misuse("no file to write: name it with -o, or ask for --text"));
  return {};
}

constexpr std::string_view kSqlite = "SQLite format 3";  // how results of a sweep begin

// A file, or what a pipe gives, up to the most that a RUN may have; a recording and results of a
// sweep are only begun.
Result<std::string, Diagnostic> read_run(const std::string& file) {
  const auto cannot = [&file](int error) {
    return fail(Diagnostic{Diagnostic::Kind::kFailure, file,
                           fmt::format("cannot be read: {}", std::strerror(error)), ""});
  };
  const live::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return cannot(errno);
  std::string text;
  std::array<char, 1U << 16> buffer;
  while (text.size() <= report::kMostRunBytes.raw()) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot(errno);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (trace::has_magic(std::as_bytes(std::span(text))) || text.starts_with(kSqlite)) return text;
  }
  return fail(Diagnostic{
      Diagnostic::Kind::kDamagedInput, file,
      fmt::format("is larger than any answer of Quire: more than {} MiB", report::kMostRunBytes.raw() >> 20),
      ""});
}

Result<report::Run, Diagnostic> run_of_sweep(const std::string& file) {
  lab::SweepStore store = QUIRE_TRY(lab::SweepStore::open(file));
  return report::parse_run(report::to_text(QUIRE_TRY(report::sweep_document(store, file))), file);
}

struct Read {
  std::vector<report::Run> runs;
  std::vector<std::string> recordings;  // those of the files that are
};

Result<Read, Diagnostic> runs_of(const Request& request) {
  report::FromRecording recording{.file = {},
                                  .policies = {},
                                  .ram = QUIRE_TRY(ram_of("report", request.ram)),
                                  .profile = QUIRE_TRY(profile_of(request.profile)),
                                  .profile_file = request.profile,
                                  .jobs = request.jobs};
  if (!request.policies.empty()) recording.policies = QUIRE_TRY(policies_of("report", request.policies));
  Read read;
  for (const std::string& file : request.runs) {
    const std::string text = QUIRE_TRY(read_run(file));
    if (text.starts_with(kSqlite)) {
      read.runs.push_back(QUIRE_TRY(run_of_sweep(file)));
      continue;
    }
    if (!trace::has_magic(std::as_bytes(std::span(text)))) {
      read.runs.push_back(QUIRE_TRY(report::parse_run(text, file)));
      continue;
    }
    read.recordings.push_back(file);
    recording.file = file;
    for (report::Run& run : QUIRE_TRY(report::runs_of_recording(recording)))
      read.runs.push_back(std::move(run));
  }
  return read;
}

}  // namespace

Result<int, Diagnostic> run_report(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "report",
       .synopsis = "RUN... -o FILE [options]",
       .summary =
           "Puts answers of replay, advise, verify and sweep (--json), and recordings, together as one\n"
           "HTML page that needs nothing else, or as plain text for a mail.",
       .examples = {"quire report mine.quire -o report.html",
                    "quire advise mine.quire --json | quire report /dev/stdin -o report.html",
                    "quire report mine.quire --policy 64K --policy 2M --text"}});
  arguments.operands("RUN", request.runs,
                     "JSON answers of Quire; results of sweeps; recordings, which are replayed",
                     Values::files(""));
  arguments.option("-o,--output", request.output, "FILE", "The page, mode 0600; an older report is replaced");
  arguments.flag("--text", request.text, "As plain text of 78 columns, on standard output");
  arguments.option("-p,--policy", request.policies, "POLICY",
                   "Of recordings: only these, and no advice; repeatable");
  arguments.option("--profile", request.profile, "FILE", "Of recordings: machine that times are priced by",
                   Values::files(".toml"));
  arguments.option("--ram", request.ram, "SIZE", "Of recordings: memory of the machine (default 64G)");
  arguments.option("--jobs", request.jobs, "N", "Policies replayed at once (default: one per cpu)");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  QUIRE_TRY(check(request));
  Read read = QUIRE_TRY(runs_of(request));
  const report::Model model = report::make_model(std::move(read.runs));
  if (!request.output.empty()) QUIRE_TRY(write_page(request.output, report::html_page(model)));
  if (request.text) {
    fmt::print("{}", report::plain_page(model));
  } else {
    fmt::print("report: {}\n", request.output);
  }
  for (const std::string& file : read.recordings) {
    const trace::Reader reader = QUIRE_TRY(trace::Reader::open(file));
    QUIRE_TRY(status_of_input(file, reader));
  }
  return 0;
}

}  // namespace quire::cli
