#include "oracle/fuzz.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "litmus/draw.h"
#include "litmus/engine_side.h"
#include "litmus/print.h"
#include "litmus/random.h"
#include "litmus/settings_of.h"
#include "litmus/shrink.h"
#include "live/host.h"
#include "oracle/confirm.h"

namespace quire::litmus {
namespace {

// While a disagreement is shrunk a wrong guess only costs a larger file.
constexpr Patience kHurried{.runs = 3, .page_runs = 1, .first_pause = std::chrono::milliseconds(2)};

// Where the kernel's reclaim gave up so often, it does so.
constexpr unsigned kMostGiveUps = 5;

// Adds the time of its life to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(std::uint64_t& sum) : sum_(sum) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    const auto spent = std::chrono::steady_clock::now() - begin_;
    sum_ += static_cast<std::uint64_t>(std::chrono::nanoseconds(spent).count());
  }

 private:
  std::uint64_t& sum_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Experiments of one seed are spread, so that seed 1 and seed 2 share none.
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t run) { return seed * 1'000'000'007U + run; }

bool lacks(const Set& set) {
  const auto is_there = [](const std::string& file) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::path(live::kThpRoot) / file, ignored);
  };
  return !std::ranges::all_of(files_of(set), is_there);
}

// The experiment without the settings that only other builds of the kernel have.
Experiment for_this_kernel(Experiment experiment) {
  std::erase_if(experiment.settings, lacks);
  std::erase_if(experiment.steps, [](const Step& step) {
    const auto* const set = std::get_if<Set>(&step.action);
    return set != nullptr && lacks(*set);
  });
  return experiment;
}

// Both sides of an experiment.
struct Pair {
  Recording engine;
  std::optional<Recording> kernel;
  std::vector<Finding> findings;
  bool gave_up = false;
};

// Whether the first step that ended in another way is one where the kernel's reclaim gave up, and the
// engine's ended nobody: the step may still have ended in a signal or an error of its own.
bool kernel_gave_up(const Experiment& experiment, const Recording& engine, const Recording& kernel) {
  if (!experiment.limit) return false;
  for (std::size_t i = 0; i < std::min(engine.steps.size(), kernel.steps.size()); ++i) {
    const Ending &ours = engine.steps[i].ending, &theirs = kernel.steps[i].ending;
    if (ours.killed == theirs.killed && ours.ends == theirs.ends) continue;
    const bool refused = std::holds_alternative<Limit>(experiment.steps[i].action) && theirs.ends == "EBUSY";
    return ours.killed.empty() && (refused || !theirs.killed.empty());
  }
  return false;
}

class Fuzzer {
 public:
  Fuzzer(const FuzzOptions& options, std::optional<KernelHost> host,
         std::shared_ptr<phys::HostMemory> host_memory)
      : options_(options), host_(std::move(host)), host_memory_(std::move(host_memory)) {}

  Result<FuzzResult, Diagnostic> run(const FuzzProgress& progress) {
    while (result_.runs < options_.runs && result_.disagreements.size() < options_.most) {
      Experiment experiment =
          random_experiment({.seed = seed_of(options_.seed, options_.first + result_.runs),
                             .steps = options_.steps,
                             .swap = options_.swap});
      if (host_) experiment = for_this_kernel(std::move(experiment));
      const Pair pair = QUIRE_TRY(both(experiment));
      if (!pair.findings.empty()) QUIRE_TRY(note(experiment));
      if (pair.gave_up) ++result_.gave_up;
      ++result_.runs;
      result_.steps += experiment.steps.size();
      if (progress) progress(result_);
    }
    return std::move(result_);
  }

 private:
  Result<Recording, Diagnostic> on_engine(const Experiment& experiment) {
    const Stopwatch watch(result_.engine_ns);
    const auto side = QUIRE_TRY(engine_side(experiment, host_memory_));
    return record(experiment, *side, host_ ? Look::kOutermost : Look::kAtTheEnd);
  }
  Result<Recording, Diagnostic> on_kernel(const Experiment& experiment) {
    const Stopwatch watch(result_.kernel_ns);
    const auto side = QUIRE_TRY(host_->side(experiment));
    return record(experiment, *side, Look::kOutermost);
  }

  Result<Pair, Diagnostic> both(const Experiment& experiment, Patience patience = {}) {
    Pair pair;
    auto engine = options_.against == Against::kItself ? on_kernel(experiment) : on_engine(experiment);
    if (!engine) {  // a broken invariant is a finding as well
      if (engine.error().kind == Diagnostic::Kind::kPrivilege) return fail(engine.error());
      pair.findings.push_back({{}, engine.error().line(), Evidence::kCertain});
      return pair;
    }
    pair.engine = std::move(*engine);
    if (!host_) return pair;
    const Attempt attempt = [&]() -> Result<std::vector<Finding>, Diagnostic> {
      for (unsigned i = 0; i < kMostGiveUps; ++i) {
        pair.kernel = QUIRE_TRY(on_kernel(experiment));
        pair.gave_up = kernel_gave_up(experiment, pair.engine, *pair.kernel);
        if (!pair.gave_up) return differences_to_kernel(experiment, pair.engine, *pair.kernel);
      }
      return std::vector<Finding>{};
    };
    pair.findings = QUIRE_TRY(confirmed_findings(attempt, patience));
    return pair;
  }
  Result<void, Diagnostic> note(const Experiment& experiment) {
    std::optional<Diagnostic> trouble;
    const Shows shows = [&](const Experiment& candidate) {
      const auto pair = both(candidate, kHurried);
      if (!pair) trouble = pair.error();
      return pair && !pair->findings.empty();
    };
    const Experiment smallest = shrink(experiment, shows, options_.shrink_tries);
    if (trouble) return fail(*trouble);
    const Pair pair = QUIRE_TRY(both(smallest));
    if (pair.findings.empty()) return {};  // did not come again: another program's doing
    Disagreement disagreement{
        .run = options_.first + result_.runs, .file = {}, .finding = pair.findings.front()};
    disagreement.file =
        QUIRE_TRY(write(pair.kernel ? as_seen(smallest, *pair.kernel) : smallest, disagreement));
    result_.disagreements.push_back(std::move(disagreement));
    return {};
  }

  // The experiment with the kernel's answers as what is expected of its steps.
  static Experiment as_seen(Experiment experiment, const Recording& kernel) {
    const bool whole = kernel.steps.size() >= experiment.steps.size();
    std::vector<Step> steps;
    std::set<std::string> killed;
    for (std::size_t i = 0; i < experiment.steps.size(); ++i) {
      Step step = experiment.steps[i];
      if (killed.contains(step.process)) continue;  // nobody was there to perform it
      if (i < kernel.steps.size()) {
        const Ending& ending = kernel.steps[i].ending;
        step.ends = ending.ends;
        killed.insert(ending.killed.begin(), ending.killed.end());
        for (const std::string& victim : ending.killed)
          if (victim != step.process) step.expectations.push_back({{}, victim, ExpectKilled{}});
      }
      steps.push_back(std::move(step));
    }
    experiment.steps = std::move(steps);
    if (experiment.steps.empty() || !whole) return experiment;
    Letters letters;
    for (const View& view : kernel.steps.back().views) {
      Expectation expected;
      expected.process = view.process;
      expected.claim = ExpectPicture{{{}, view.block, {}}, draw(view.pages, letters)};
      experiment.steps.back().expectations.push_back(std::move(expected));
    }
    return experiment;
  }

  Result<std::string, Diagnostic> write(Experiment experiment, const Disagreement& found) const {
    const std::string name = fmt::format("{}/seed{}-run{}.litmus", options_.folder, options_.seed, found.run);
    experiment.about =
        fmt::format("found by chance, seed {} run {}: {}", options_.seed, found.run, found.finding.what);
    std::ofstream out(name);
    out << print(experiment);
    if (out.flush()) return name;
    return fail(Diagnostic{Diagnostic::Kind::kFailure, name, "cannot be written", "name another --folder"});
  }

  const FuzzOptions options_;
  std::optional<KernelHost> host_;
  const std::shared_ptr<phys::HostMemory> host_memory_;
  FuzzResult result_;
};

}  // namespace

Result<FuzzResult, Diagnostic> fuzz(const FuzzOptions& options, const FuzzProgress& progress) {
  // Before this process may have no large folios of its own.
  auto memory = make_host_memory();
  QUIRE_TRY(engine_side(random_experiment({.seed = 0, .steps = 1}), memory));
  std::optional<KernelHost> host;
  if (options.against != Against::kNobody) host.emplace(QUIRE_TRY(KernelHost::open()));
  return Fuzzer(options, std::move(host), std::move(memory)).run(progress);
}

}  // namespace quire::litmus
