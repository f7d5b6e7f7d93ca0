#include "lab/verify.h"

#include <fmt/format.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/size.h"
#include "lab/as_recorded.h"
#include "lab/finished_recording.h"
#include "lab/replay_many.h"
#include "lab/run_again.h"
#include "lab/warm_memory.h"
#include "live/settings_guard.h"
#include "trace/reader.h"

namespace quire::lab {
namespace {

// Every number of an outcome, one after the other.
template <typename Visit>
void for_each_number(Visit visit) {
  visit([](auto& outcome) -> auto& { return outcome.minor_faults; });
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    visit([order](auto& outcome) -> auto& { return outcome.folios[order]; });
  }
  visit([](auto& outcome) -> auto& { return outcome.peak_rss; });
}

bool inside(std::uint64_t low, std::uint64_t value, std::uint64_t high) {
  return low <= value && value <= high;
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

std::string band_text(std::uint64_t low, std::uint64_t high) {
  return low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high);
}

std::string status_text(int status) {
  return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                             : fmt::format("status {}", WEXITSTATUS(status));
}

// What the recordings say, read once.
struct Subject {
  std::string file;  // the first recording: the run is repeated from it
  std::string hash;  // of its content
  trace::Header header;
  int exit_status = 0;
};

Result<Subject, Diagnostic> examine(const VerifyOptions& options, std::vector<std::string>& notes) {
  Subject subject;
  for (const std::string& file : options.recordings) {
    const trace::Reader reader = QUIRE_TRY(open_finished(file));
    if (const std::string warning = gate_warning(reader); !warning.empty()) notes.push_back(warning);
    if (!subject.file.empty()) continue;
    subject = {file, fmt::format("{:016x}", reader.content_hash()), reader.header(),
               reader.summary()->exit_status};
  }
  if ((subject.header.personality & ADDR_NO_RANDOMIZE) == 0) {
    notes.push_back("recorded with address randomisation: no two runs have the same layout");
  }
  if (subject.header.argv.empty()) {
    return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                           .where = subject.file,
                           .what = "cannot be run again: it names no command",
                           .hint = ""});
  }
  return subject;
}

void add_new(std::vector<std::string>& notes, const std::vector<std::string>& more) {
  for (const std::string& note : more) {
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  }
}

// One prediction a policy, from every recording.
Result<std::vector<Prediction>, Diagnostic> predict(const VerifyOptions& options,
                                                    std::vector<std::string>& notes) {
  std::vector<ReplayOptions> runs;
  for (const Policy& policy : options.policies) runs.push_back({policy.settings, options.ram});
  std::vector<std::vector<Outcome>> outcomes(runs.size());
  for (const std::string& file : options.recordings) {
    const auto results = QUIRE_TRY(replay_many(file, runs, options.jobs));
    for (std::size_t i = 0; i < results.size(); ++i) {
      outcomes[i].push_back(outcome_of(results[i]));
      add_new(notes, results[i].notes);
    }
  }
  std::vector<Prediction> predictions;
  for (const auto& of_policy : outcomes) predictions.push_back(combine(of_policy));
  return predictions;
}

Result<PolicyVerdict, Diagnostic> measure(const Subject& subject, const RunAgain& program,
                                          const Policy& policy, const Prediction& predicted) {
  const live::QuietCheck quiet;
  PolicyVerdict verdict{
      .policy = policy, .predicted = predicted, .measured = {}, .counts = {}, .quiet = {}, .off = {}};
  verdict.counts = QUIRE_TRY(program.counted());
  verdict.quiet = quiet.compare(verdict.counts);
  verdict.measured = outcome_of(verdict.counts);
  verdict.off = judge(predicted, verdict.measured);
  if (verdict.counts.wait_status != subject.exit_status) {
    verdict.off.push_back(fmt::format("the program ended with {}, when recorded with {}",
                                      status_text(verdict.counts.wait_status),
                                      status_text(subject.exit_status)));
  }
  return verdict;
}

// Another verify at work is a reason to wait, for a while.
Result<live::SettingsGuard, Diagnostic> hold_settings(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kBetween{100};
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto guard = live::SettingsGuard::hold();
    const bool taken = !guard && guard.error().where.ends_with("settings.lock");
    if (!taken || std::chrono::steady_clock::now() >= end) return guard;
    std::this_thread::sleep_for(kBetween);
  }
}

Result<std::vector<PolicyVerdict>, Diagnostic> measure_all(live::SettingsGuard& guard, const Subject& subject,
                                                           const VerifyOptions& options,
                                                           const std::vector<Prediction>& predictions) {
  const RunAgain program(subject.file, subject.header, options.timeout);
  for (unsigned i = 0; i < options.warmups; ++i) QUIRE_TRY(program.counted());
  std::vector<PolicyVerdict> verdicts;
  for (std::size_t i = 0; i < options.policies.size(); ++i) {
    QUIRE_TRY(guard.apply(options.policies[i].settings));
    verdicts.push_back(QUIRE_TRY(measure(subject, program, options.policies[i], predictions[i])));
  }
  return verdicts;
}

// The control, small pages only, first.
Result<std::vector<TimedRequest>, Diagnostic> bills(const VerifyOptions& options, const std::string& file) {
  std::vector<ReplayOptions> runs{{small_pages_only(), options.ram, options.profile}};
  for (const Policy& policy : options.policies)
    runs.push_back({policy.settings, options.ram, options.profile});
  const auto results = QUIRE_TRY(replay_many(file, runs, options.jobs));
  std::vector<TimedRequest> requests;
  for (std::size_t i = 0; i < results.size(); ++i)
    requests.push_back({i == 0 ? "4K" : options.policies[i - 1].text, runs[i].settings,
                        results[i].bill.kernel_ns, results[i].bill.fault_ns, results[i].bill.clear_ns,
                        results[i].peak_resident});
  return requests;
}

Result<Timing, Diagnostic> time_policies(live::SettingsGuard& guard, const Subject& subject,
                                         const VerifyOptions& options) {
  const auto requests = QUIRE_TRY(bills(options, subject.file));
  (void)QUIRE_TRY(guard.keep_free_pages());
  const RunAgain program(subject.file, subject.header, options.timeout);
  const ByteCount peak = std::ranges::max(requests, {}, &TimedRequest::peak).peak;
  const RunUnder run = [&](const policy::Settings& settings) -> Result<RunTime, Diagnostic> {
    QUIRE_TRY(guard.apply(settings));
    QUIRE_TRY(warm_memory(peak));
    return program.timed();
  };
  return time_all(requests.front(), std::span(requests).subspan(1), options.time_rounds, run);
}

}  // namespace

Outcome outcome_of(const ReplayResult& predicted) {
  return {.minor_faults = predicted.minor_faults, .folios = predicted.folios, .peak_rss = predicted.peak_rss};
}

Outcome outcome_of(const live::TreeCounts& measured) {
  return {.minor_faults = measured.min_flt + measured.maj_flt,
          .folios = measured.folios_by_order,
          .peak_rss = measured.peak_rss};
}

Prediction combine(std::span<const Outcome> outcomes) {
  QUIRE_CHECK(!outcomes.empty());
  Prediction prediction;
  prediction.recordings = outcomes.size();
  std::vector<Outcome> sorted(outcomes.begin(), outcomes.end());
  for_each_number([&](auto number) {
    std::ranges::sort(sorted, std::less<>(), [&](const Outcome& outcome) { return number(outcome); });
    number(prediction.min) = number(std::as_const(sorted.front()));
    number(prediction.median) = number(std::as_const(sorted[sorted.size() / 2]));
    number(prediction.max) = number(std::as_const(sorted.back()));
  });
  return prediction;
}

std::vector<std::string> judge(const Prediction& predicted, const Outcome& measured) {
  std::vector<std::string> off;
  const Outcome& low = predicted.min;
  const Outcome& high = predicted.max;
  for (unsigned order = 2; order <= kPmdOrder; ++order) {
    if (inside(low.folios[order], measured.folios[order], high.folios[order])) continue;
    off.push_back(fmt::format("folios of {}: predicted {}, measured {}", base::sysfs_size(Order(order)),
                              band_text(low.folios[order], high.folios[order]), measured.folios[order]));
  }
  const std::uint64_t tolerance = std::max<std::uint64_t>(4, measured.minor_faults / 1000);
  if (!inside(low.minor_faults, measured.minor_faults, high.minor_faults) &&
      distance(predicted.median.minor_faults, measured.minor_faults) > tolerance) {
    off.push_back(fmt::format("minor faults: predicted {}, measured {}",
                              band_text(low.minor_faults, high.minor_faults), measured.minor_faults));
  }
  return off;
}

bool VerifyResult::agrees() const { return std::ranges::all_of(policies, &PolicyVerdict::agrees); }

Result<VerifyResult, Diagnostic> verify(const VerifyOptions& options) {
  QUIRE_CHECK(!options.recordings.empty());
  VerifyResult result;
  const Subject subject = QUIRE_TRY(examine(options, result.notes));
  result.content_hash = subject.hash;
  const bool counts = options.measured != Measured::kTimes;
  std::vector<Prediction> predictions;
  if (counts) predictions = QUIRE_TRY(predict(options, result.notes));

  live::SettingsGuard guard = QUIRE_TRY(hold_settings(options.lock_patience));
  Result<std::vector<PolicyVerdict>, Diagnostic> verdicts;
  if (counts) verdicts = measure_all(guard, subject, options, predictions);
  std::optional<Result<Timing, Diagnostic>> timing;
  if (verdicts && options.measured != Measured::kCounts) timing = time_policies(guard, subject, options);
  const live::RestoreReport restored = QUIRE_TRY(guard.restore());
  for (const std::string& file : restored.changed_since) {
    result.notes.push_back(fmt::format("{} was changed by somebody else meanwhile, and left alone", file));
  }
  result.policies = QUIRE_TRY(std::move(verdicts));
  if (timing) result.timing = QUIRE_TRY(std::move(*timing));
  return result;
}

}  // namespace quire::lab
