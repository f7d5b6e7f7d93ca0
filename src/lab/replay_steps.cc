#include "lab/replay_steps.h"

#include <algorithm>
#include <utility>

#include "policy/policy.h"

namespace quire::lab {
namespace {

std::shared_ptr<const cost::Profile> profile_of(const ReplayOptions& options) {
  if (options.profile) return options.profile;
  return {&cost::reference_profile(), [](const cost::Profile*) {}};
}

// 0 would be a daemon that never sleeps: a processor of its own. A pass a millisecond comes to the same.
std::uint64_t sleep_of(const ReplayOptions& options) {
  if (options.khugepaged == Khugepaged::kAsleep) return 0;
  return std::uint64_t{1000} * std::max(options.settings.khugepaged.scan_sleep_millisecs, 1U);
}

}  // namespace

ReplaySteps::ReplaySteps(trace::Reader& reader, const ReplayOptions& options, Machine machine,
                         BuiltMachine built)
    : reader_(reader),
      machine_(std::move(machine)),
      built_(std::move(built)),
      profile_(profile_of(options)),
      replayer_(*built_.kernel, reader.header(), *profile_, options.own),
      sleep_us_(sleep_of(options)),
      wakes_us_(sleep_us_) {
  replayer_.put_into(built_.group);
}

Result<std::unique_ptr<ReplaySteps>, Diagnostic> ReplaySteps::begin(trace::Reader& reader,
                                                                    const ReplayOptions& options) {
  Foresight foresight;
  const bool foresees = options.settings.policy->foresight == policy::Foresight::kFaults;
  if (foresees) foresight = QUIRE_TRY(Foresight::learn(reader));
  QUIRE_TRY(reader.rewind());
  Machine machine = machine_of(options);
  BuiltMachine built = QUIRE_TRY(build_machine(machine, options.settings, reader.contents()));
  std::unique_ptr<ReplaySteps> steps(new ReplaySteps(reader, options, std::move(machine), std::move(built)));
  steps->foresight_ = std::move(foresight);
  if (foresees) steps->replayer_.foresee(steps->foresight_);
  return steps;
}

// Where nothing happens for long, the daemon goes round once in vain and sleeps until
// something has.
void ReplaySteps::let_daemon_run(std::uint64_t time_us) {
  const vm::Khugepaged& daemon = built_.kernel->system().khugepaged;
  std::uint64_t rounds = daemon.full_scans();
  while (wakes_us_ <= time_us) {
    const std::uint64_t collapsed = daemon.pages_collapsed();
    const std::size_t looked_at = replayer_.khugepaged_pass();
    wakes_us_ += sleep_us_;
    if (daemon.pages_collapsed() != collapsed) rounds = daemon.full_scans();
    // The round under way when it woke may have begun anywhere: two ends make a whole one.
    if (looked_at != 0 && daemon.full_scans() < rounds + 2) continue;
    if (wakes_us_ <= time_us) wakes_us_ += ((time_us - wakes_us_) / sleep_us_ + 1) * sleep_us_;
  }
}

Result<bool, Diagnostic> ReplaySteps::next() {
  if (!QUIRE_TRY(reader_.next(event_))) return false;
  ++number_;
  if (sleep_us_ != 0) let_daemon_run(event_.time_us);
  QUIRE_TRY(replayer_.apply(event_));
  return true;
}

}  // namespace quire::lab
