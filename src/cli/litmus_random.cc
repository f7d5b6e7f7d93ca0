#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "oracle/fuzz.h"
#include "report/document.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  unsigned seed = 1;
  unsigned first = 0;
  unsigned runs = 100;
  unsigned ops = 60;
  std::string on = "both";
  std::string folder = ".";
  bool swap = false;
  bool json = false;
};

double milliseconds(std::uint64_t ns, std::uint64_t runs) {
  return runs == 0 ? 0 : static_cast<double>(ns) / 1e6 / static_cast<double>(runs);
}

void print_text(const Request& request, const litmus::FuzzResult& result) {
  for (const litmus::Disagreement& d : result.disagreements)
    fmt::print("run {}: {}\n  {}\n", d.run, d.file, d.finding.what);
  fmt::print("seed {}: {} experiments, {} steps, {} disagreements", request.seed, result.runs, result.steps,
             result.disagreements.size());
  if (result.gave_up != 0) fmt::print("; in {} Linux gave up under a limit", result.gave_up);
  if (result.engine_ns != 0)
    fmt::print("; {:.2f} ms each on the engine", milliseconds(result.engine_ns, result.runs));
  if (result.engine_ns == 0) {
    fmt::print("; {:.0f} ms on the kernel\n", milliseconds(result.kernel_ns, 2 * result.runs));
    return;
  }
  if (result.kernel_ns != 0) {
    fmt::print(", {:.0f} ms on the kernel, {:.0f} times as long", milliseconds(result.kernel_ns, result.runs),
               static_cast<double>(result.kernel_ns) / static_cast<double>(result.engine_ns));
  }
  fmt::print("\n");
}

void print_json(const Request& request, const litmus::FuzzResult& result) {
  auto document = report::new_document();
  document["seed"] = request.seed;
  document["runs"] = result.runs;
  document["steps"] = result.steps;
  document["gave_up"] = result.gave_up;
  document["engine_ns"] = result.engine_ns;
  document["kernel_ns"] = result.kernel_ns;
  document["disagreements"] = Json::array();
  for (const litmus::Disagreement& d : result.disagreements)
    document["disagreements"].push_back({{"run", d.run}, {"file", d.file}, {"what", d.finding.what}});
  fmt::print("{}", report::to_text(document));
}

// On a terminal only, and gone when the answer comes.
void show_progress(const Request& request, const litmus::FuzzResult& result) {
  if (::isatty(STDERR_FILENO) == 0) return;
  const double seconds = static_cast<double>(result.engine_ns + result.kernel_ns) / 1e9;
  fmt::print(stderr, "\rseed {}: {} of {}, {:.1f} a second, {} disagreements ", request.seed, result.runs,
             request.runs, static_cast<double>(result.runs) / seconds, result.disagreements.size());
  if (result.runs == request.runs) fmt::print(stderr, "\r{:70}\r", "");
}

Diagnostic misuse(std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, "litmus fuzz", std::move(what), std::move(hint)};
}

}  // namespace

Result<int, Diagnostic> run_litmus_fuzz(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "litmus fuzz",
       .synopsis = "[--seed N] [--runs N] [--ops N] [options]",
       .summary =
           "Makes random experiments, runs each on Quire and on this kernel, and compares them after "
           "every\nstep. A disagreement is shrunk and written as a .litmus file; then the exit code is "
           "3.",
       .examples = {"quire litmus fuzz --runs 1000", "quire litmus fuzz --seed 7 --ops 20 --folder found",
                    "quire litmus fuzz --on engine --runs 10000"}});
  arguments.option("--seed", request.seed, "N", "Which experiments; the same everywhere (default: 1)");
  arguments.option("--first", request.first, "N",
                   "The number of the first of them, to see one again (default: 0)");
  arguments.option("--runs", request.runs, "N", "How many (default: 100)");
  arguments.option("--ops", request.ops, "N", "Steps of each (default: 60)");
  arguments.flag("--swap", request.swap, "With swap: zram, fresh for each experiment");
  arguments.option("--on", request.on, "SIDE",
                   "both (default); engine: only its invariants are checked; kernel: against itself",
                   Values::of({"both", "engine", "kernel"}));
  arguments.option("--folder", request.folder, "DIR", "Where disagreements are written (default: here)");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  if (request.on != "both" && request.on != "engine" && request.on != "kernel")
    return fail(misuse(fmt::format("--on \"{}\": there are both, engine, kernel", one_line(request.on)), ""));
  if (request.ops < 2) return fail(misuse("--ops: an experiment has at least 2 steps", ""));

  const litmus::FuzzOptions options{
      .seed = request.seed,
      .first = request.first,
      .runs = request.runs,
      .steps = request.ops,
      .swap = request.swap ? litmus::RandomOptions::Swap::kZram : litmus::RandomOptions::Swap::kNone,
      .against = request.on == "both"     ? litmus::Against::kKernel
                 : request.on == "kernel" ? litmus::Against::kItself
                                          : litmus::Against::kNobody,
      .folder = request.folder};
  const litmus::FuzzResult result =
      QUIRE_TRY(litmus::fuzz(options, [&](const litmus::FuzzResult& r) { show_progress(request, r); }));
  if (request.json) {
    print_json(request, result);
  } else {
    print_text(request, result);
  }
  return result.disagreements.empty() ? 0 : static_cast<int>(Diagnostic::Kind::kFinding);
}

}  // namespace quire::cli
