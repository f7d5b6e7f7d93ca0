#include "lab/sweep.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/size.h"
#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/policies.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "report/document.h"
#include "report/sweep_document.h"

namespace quire::cli {
namespace {

struct Request {
  std::vector<std::string> files;
  std::string space;
  std::string output;
  unsigned jobs = default_jobs();
  bool json = false;
};

// How far it is, and how long it will take, where somebody looks.
class Watch {
 public:
  void operator()(const lab::SweepProgress& p) const {
    if (::isatty(STDERR_FILENO) == 0) return;
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const double each = spent / static_cast<double>(std::max<std::size_t>(p.done - p.found, 1));
    fmt::print(stderr, "\r{} of {}, {:.0f} s left   {}", p.done, p.all,
               each * static_cast<double>(p.all - p.done), p.done == p.all ? "\n" : "");
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void print_answer(const lab::SweepProgress& done, const std::vector<lab::ParetoRow>& rows,
                  const std::string& file) {
  fmt::print("{} results, {} of them were there already; all are in {}\n", done.done, done.found,
             one_line(file));
  fmt::print("no other policy is both faster and smaller than these:\n");
  std::string last;
  for (const lab::ParetoRow& row : rows) {
    const std::string title =
        fmt::format("{:.60} · {} · {}", one_line(row.command), row.machine, row.profile);
    if (title != last) fmt::print("\n{}\n", title);
    last = title;
    fmt::print("  {:<40} {:>10.1f} ms {:>12}\n", row.policy, row.kernel_ns / 1e6,
               base::human_size(row.peak_resident));
  }
}

void print_skipped(const std::vector<lab::SkippedRow>& rows) {
  if (rows.empty()) return;
  fmt::print("\n{} combinations cannot be run:\n", rows.size());
  for (const lab::SkippedRow& row : rows)
    fmt::print("  {:.40} · {} · {}: {}\n", one_line(row.command), row.words, row.key.machine, row.reason);
}

}  // namespace

Result<int, Diagnostic> run_sweep(Words words) {
  Request request;
  Arguments arguments({.verb = "sweep",
                       .synopsis = "FILE... --space SPACE -o RESULTS [--jobs N]",
                       .summary =
                           "Replays recordings under all policies and machines of a space and keeps each "
                           "result\nin SQLite as soon as it is there. Started again it goes on where it was.",
                       .examples = {"quire sweep traces/*.quire --space space.toml -o sweep.sqlite",
                                    "quire sweep mine.quire --space space.toml -o sweep.sqlite --jobs 1",
                                    "sqlite3 sweep.sqlite 'SELECT * FROM sensitivity ORDER BY mean_time'"}});
  arguments.operands("FILE", request.files, "Recordings", Values::files(".quire"));
  arguments.option("--space", request.space, "SPACE", "What to go through: docs/reference/sweep.md",
                   Values::files(".toml"));
  arguments.option("-o,--output", request.output, "RESULTS", "SQLite file, made when there is none");
  arguments.option("--jobs", request.jobs, "N", "Replays at once (default: one per cpu)");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  if (request.files.empty() || request.space.empty() || request.output.empty())
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "sweep",
                           "recordings, a space and a file for the results are needed",
                           "quire sweep FILE... --space space.toml -o sweep.sqlite"});

  lab::SweepOptions options{.recordings = request.files,
                            .space = QUIRE_TRY(lab::read_space(request.space)),
                            .jobs = request.jobs,
                            .progress = Watch()};
  lab::SweepStore store = QUIRE_TRY(lab::SweepStore::open(request.output));
  const lab::SweepProgress done = QUIRE_TRY(lab::sweep(options, store));
  if (request.json) {
    fmt::print("{}", report::to_text(QUIRE_TRY(report::sweep_document(store, request.output))));
    return 0;
  }
  print_answer(done, QUIRE_TRY(store.pareto()), request.output);
  print_skipped(QUIRE_TRY(store.skipped()));
  return 0;
}

}  // namespace quire::cli
