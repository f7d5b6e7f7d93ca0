// lab/replay_steps.h - a recording on its way through a machine, event by event, for
// whoever looks at the machine between two of them.
#pragma once

#include <memory>

#include "lab/foresight.h"
#include "lab/machine_setup.h"
#include "lab/replay.h"
#include "lab/replayer.h"

namespace quire::lab {

// A replay as its options say: its machine, its daemon, its foresight.
//
// States      : begun -> one event after the other -> ended
// Owns        : the machine
// Refers to   : the reader, which nobody else may move meanwhile
class ReplaySteps {
 public:
  // Reads the recording once before where the policy has foresight. kDamagedInput from the
  // reader; kFailure, kUsage for a machine that cannot be made.
  [[nodiscard]] static Result<std::unique_ptr<ReplaySteps>, Diagnostic> begin(trace::Reader& reader,
                                                                              const ReplayOptions& options);

  // Applies the next event. False when there is none. Errors as Replayer::apply.
  [[nodiscard]] Result<bool, Diagnostic> next();
  // The one applied last, and its number, from 1.
  [[nodiscard]] const trace::Event& event() const { return event_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }

  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] const BuiltMachine& built() const { return built_; }
  [[nodiscard]] kernel::Kernel& kernel() { return *built_.kernel; }
  [[nodiscard]] Replayer& replayer() { return replayer_; }

 private:
  ReplaySteps(trace::Reader& reader, const ReplayOptions& options, Machine machine, BuiltMachine built);
  // khugepaged's passes until this moment of the recording.
  void let_daemon_run(std::uint64_t time_us);

  trace::Reader& reader_;
  Machine machine_;
  BuiltMachine built_;
  std::shared_ptr<const cost::Profile> profile_;
  Replayer replayer_;
  Foresight foresight_;
  trace::Event event_;
  std::uint64_t number_ = 0;
  std::uint64_t sleep_us_ = 0;  // between two passes; 0: no daemon
  std::uint64_t wakes_us_ = 0;
};

}  // namespace quire::lab
