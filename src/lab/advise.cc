#include "lab/advise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/size.h"
#include "lab/finished_recording.h"
#include "lab/replay_many.h"
#include "live/host.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "trace/reader.h"

namespace quire::lab {
namespace {

// What a policy may cost in memory over small pages: a twentieth, or 1 MiB.
ByteCount allowed(ByteCount small) {
  return ByteCount(small.raw() + std::max<std::uint64_t>(small.raw() / 20, 1 << 20));
}
// Shares of the program's processor time: less is no reason to change anything,
// and two policies this close are as good as each other.
constexpr double kWorthIt = 0.01;
constexpr double kAlike = 0.01;

constexpr double kShort = 1e9;  // recordings of less processor time say little

std::string policy_of(OrderSet sizes) {
  if (sizes.empty()) return "4K";
  std::vector<std::string> names;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o)
    if (sizes.contains(Order(o))) names.push_back(base::short_size(Order(o).bytes()));
  return fmt::format("{}", fmt::join(names, "+"));
}

OrderSet run_of(unsigned first, unsigned last) {
  OrderSet sizes;
  for (unsigned o = first; o <= last; ++o) sizes = sizes | OrderSet::of(Order(o));
  return sizes;
}

unsigned sizes_on(const policy::Settings& s) {
  return static_cast<unsigned>(
      std::ranges::count_if(s.size, [](policy::SizeEnabled e) { return e != policy::SizeEnabled::never; }));
}

// `a` is the simpler of two that are as good as each other: it concerns fewer programs, or is less to set.
bool simpler(const Candidate& a, const Candidate& b) {
  if (a.change.scope != b.change.scope) return a.change.scope < b.change.scope;
  const unsigned on_a = sizes_on(a.settings);
  const unsigned on_b = sizes_on(b.settings);
  return on_a != on_b ? on_a < on_b : a.memory() < b.memory();
}

std::vector<std::size_t> pareto_of(const std::vector<Candidate>& candidates) {
  std::vector<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const bool beaten = std::ranges::any_of(candidates, [&](const Candidate& c) {
      const bool no_worse =
          c.kernel_ns() <= candidates[i].kernel_ns() && c.memory() <= candidates[i].memory();
      return no_worse && (c.kernel_ns() < candidates[i].kernel_ns() || c.memory() < candidates[i].memory());
    });
    if (!beaten) best.push_back(i);
  }
  std::ranges::sort(best, {}, [&](std::size_t i) { return candidates[i].kernel_ns(); });
  return best;
}

// What is known of the recording before anything is replayed.
struct Subject {
  trace::Header header;
  trace::Summary summary;
  Runtimes runtimes;
  std::uint64_t forks = 0;  // that copied an address space
};

Result<void, Diagnostic> look_through(trace::Reader& reader, Subject& subject) {
  QUIRE_TRY(reader.rewind());
  trace::Event event;
  while (QUIRE_TRY(reader.next(event))) {
    if (event.kind == trace::Kind::kFile) subject.runtimes.files.insert(event.text);
    if (event.kind == trace::Kind::kFork && event.args[1] != 0) ++subject.forks;
  }
  return {};
}

Result<Subject, Diagnostic> examine(const std::string& file) {
  trace::Reader reader = QUIRE_TRY(open_finished(file));
  const trace::Gate gate = reader.summary()->gate ? *reader.summary()->gate : QUIRE_TRY(compute_gate(reader));
  if (!gate.passed)
    return fail(Diagnostic{Diagnostic::Kind::kFinding, file,
                           fmt::format("the recording failed its completeness gate, so nothing is "
                                       "recommended from it: {}",
                                       fmt::join(gate.failures, "; ")),
                           "record again"});
  Subject subject{.header = reader.header(), .summary = *reader.summary(), .runtimes = {}};
  QUIRE_TRY(look_through(reader, subject));
  return subject;
}

void doubt(Advice& advice, Confidence at_most, std::string why) {
  advice.confidence = std::max(advice.confidence, at_most);
  advice.doubts.push_back(std::move(why));
}

void judge_confidence(Advice& advice, const Subject& subject, const AdviseOptions& options) {
  if (!options.profile_is_of_this_host)
    doubt(advice, Confidence::kMedium,
          fmt::format("times are those of the machine {}", options.profile->name));
  if (advice.recommended().change.scope == Scope::kRuntime ||
      advice.recommended().change.scope == Scope::kAdvised)
    doubt(advice, Confidence::kMedium, "which mappings are the allocator's is taken from their size");
  const double recorded = static_cast<double>(subject.summary.cpu_user_ns + subject.summary.cpu_sys_ns);
  if (recorded < kShort)
    doubt(advice, Confidence::kMedium,
          fmt::format("only {:.2f} s of processor time recorded", recorded / 1e9));
  if (subject.header.tier == trace::Tier::kUnprivileged)
    doubt(advice, Confidence::kLow, "recorded without privilege: not every fault's direction is known");
  if (subject.header.tier == trace::Tier::kImported)
    doubt(advice, Confidence::kLow,
          fmt::format(
              "imported from {}: the host's settings, the program's processor time and more are not in it",
              subject.header.imported_from));
  if (!advice.now().result.notes.empty())
    doubt(advice, Confidence::kMedium, "the recording holds what is not modelled");
}

// The sizes of `words` for every program. What the host has for programs that ask stays as it is.
Candidate for_everybody(const std::string& words, const policy::Settings& now) {
  const auto wanted = policy::parse_policy(words);
  QUIRE_CHECK(wanted.has_value());
  policy::Settings settings = now;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    policy::SizeEnabled& size = settings.at(Order(o));
    const bool for_all =
        size == policy::SizeEnabled::always ||
        (size == policy::SizeEnabled::inherit && now.enabled == policy::GlobalEnabled::always);
    if (wanted->at(Order(o)) == policy::SizeEnabled::always)
      size = policy::SizeEnabled::always;
    else if (for_all)
      size = policy::SizeEnabled::never;
  }
  return {policy::canonical(settings), settings, {}};
}

// A size that the host offers to programs that ask, besides what it has.
std::vector<Candidate> offers(const policy::Settings& now, const ProgramChange& ask) {
  std::vector<Candidate> candidates;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    if (now.at(Order(o)) != policy::SizeEnabled::never) continue;
    policy::Settings settings = now;
    settings.at(Order(o)) = policy::SizeEnabled::madvise;
    ProgramChange change = ask;
    change.scope = Scope::kAdvised;
    change.name = base::short_size(Order(o).bytes()) + " for who asks";
    candidates.push_back({policy::canonical(settings), settings, {}, change});
  }
  return candidates;
}

// The host as it was, small pages, and then everything else.
std::vector<Candidate> candidates_for(const Subject& subject, policy::KernelVersion kernel) {
  const policy::Settings now = settings_shown_by(subject.header.thp_state);
  std::vector<Candidate> candidates{{"now", now, {}}};
  const auto small = policy::parse_policy("4K");
  QUIRE_CHECK(small.has_value());
  candidates.push_back({"4K", *small, {}});
  for (const std::string& words : policies_worth_trying(kernel))
    if (words != "4K") candidates.push_back(for_everybody(words, now));
  if (kernel >= policy::kHasSizes)
    for (Candidate& c : offers(now, way_to_ask(subject.runtimes))) candidates.push_back(std::move(c));
  for (ProgramChange& change : changes_without_host(now, subject.runtimes, kernel))
    candidates.push_back({"now", now, {}, std::move(change)});
  return candidates;
}

void add_comparisons(Advice& advice, const Subject& subject, const AdviseOptions& options) {
  VariantRuns runs{.recording = options.recording,
                   .ram = options.ram,
                   .profile = options.profile,
                   .jobs = options.jobs,
                   .forks = subject.forks,
                   .beside = &advice.now().result};
  advice.baselines = baselines_beside(advice.now().settings);
  replay_variants(advice.baselines, runs);
  const Candidate& best = advice.recommended();
  runs.beside = &best.result;
  runs.beside_name = advice.leave() ? "the host as it was" : "the recommendation";
  advice.ablation = ablation_of(best.settings, best.change.own);
  replay_variants(advice.ablation, runs);
  sort_losers_first(advice.ablation, best.result);
}

}  // namespace

std::vector<std::string> policies_worth_trying(policy::KernelVersion kernel) {
  if (kernel < policy::kHasSizes) return {"4K", "2M"};
  std::vector<std::string> policies{"4K"};
  for (unsigned first = 2; first <= kOrderPmd.raw(); ++first) {
    for (unsigned last = first; last <= kOrderPmd.raw(); ++last) {
      policies.push_back(policy_of(run_of(first, last)));
      if (last + 1 < kOrderPmd.raw())
        policies.push_back(policy_of(run_of(first, last) | OrderSet::of(kOrderPmd)));
    }
  }
  return policies;
}

policy::Settings settings_shown_by(const std::map<std::string, std::string>& files) {
  policy::Settings settings;
  for (const auto& [path, text] : files) {
    const policy::Attribute* const attribute = policy::find_attribute(path);
    if (attribute == nullptr) continue;  // shared memory's
    (void)attribute->store(settings, attribute->order,
                           live::chosen_word(text));  // a value of a later kernel is no setting here
  }
  return settings;
}

std::size_t choose(const std::vector<Candidate>& candidates, double user_ns) {
  QUIRE_CHECK(candidates.size() >= 2);
  const Candidate& now = candidates[0];
  const ByteCount most = allowed(candidates[1].memory());
  const double whole = user_ns + now.kernel_ns();
  std::vector<std::size_t> fit;
  for (std::size_t i = 1; i < candidates.size(); ++i)
    if (candidates[i].memory() <= most) fit.push_back(i);
  const std::size_t fastest =
      std::ranges::min(fit, {}, [&](std::size_t i) { return candidates[i].kernel_ns(); });
  const auto worth_it = [&](std::size_t i) {
    return now.kernel_ns() - candidates[i].kernel_ns() > kWorthIt * whole;
  };
  std::size_t best = fastest;
  for (const std::size_t i : fit) {
    const bool alike = candidates[i].kernel_ns() - candidates[fastest].kernel_ns() <= kAlike * whole &&
                       worth_it(i) == worth_it(fastest);
    if (alike && simpler(candidates[i], candidates[best])) best = i;
  }
  return worth_it(best) || now.memory() > most ? best : 0;
}

Result<Advice, Diagnostic> advise(const AdviseOptions& options) {
  const Subject subject = QUIRE_TRY(examine(options.recording));
  Advice advice;
  advice.kernel = options.kernel.value_or(
      policy::parse_kernel_version(subject.header.kernel_release).value_or(policy::kThisModel));
  advice.candidates = candidates_for(subject, advice.kernel);
  std::erase_if(advice.candidates, [&](const Candidate& c) { return c.change.scope < options.narrowest; });
  std::vector<ReplayOptions> runs;
  for (const Candidate& c : advice.candidates)
    runs.push_back({c.settings, options.ram, options.profile, c.change.own});
  auto results = QUIRE_TRY(replay_many(options.recording, runs, options.jobs));
  for (std::size_t i = 0; i < results.size(); ++i) advice.candidates[i].result = std::move(results[i]);
  advice.user_ns = static_cast<double>(subject.summary.cpu_user_ns);
  advice.pareto = pareto_of(advice.candidates);
  advice.best = choose(advice.candidates, advice.user_ns);
  advice.notes = advice.now().result.notes;
  add_comparisons(advice, subject, options);
  judge_confidence(advice, subject, options);
  return advice;
}

}  // namespace quire::lab
