// lab/verify.h - was the prediction right? A recorded program is run again for
// real, under each policy, and counted.
//
// Live side: live/settings_guard.h changes the settings and puts them back,
// live/tree_counter.h counts. docs/reference/accuracy.md says how it is judged.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/replay.h"
#include "lab/timing.h"
#include "live/quiet_check.h"
#include "live/tree_counter.h"
#include "policy/settings.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::lab {

// What both sides can say about a program tree.
struct Outcome {
  // Minor faults. A measured one holds the major faults too: a page that was
  // read from disk in one run is a minor fault in the other, and a recording
  // cannot tell them apart.
  std::uint64_t minor_faults = 0;
  std::array<std::uint64_t, kMaxOrder + 1> folios{};  // made by anonymous faults, by order
  ByteCount peak_rss;                                 // of the largest address space
  bool operator==(const Outcome&) const = default;
};

[[nodiscard]] Outcome outcome_of(const ReplayResult& predicted);
[[nodiscard]] Outcome outcome_of(const live::TreeCounts& measured);

// What several recordings of one program predict; each member for itself. With
// one recording all three are that one.
struct Prediction {
  Outcome median;
  Outcome min;
  Outcome max;
  std::size_t recordings = 0;
};

// `outcomes` must not be empty.
[[nodiscard]] Prediction combine(std::span<const Outcome> outcomes);

// One sentence for each figure that is off; empty when the prediction holds.
// Folios of every size must lie in [min, max]; faults too, or within 4 or
// 0.1 % of the median. Resident memory is shown and not judged.
[[nodiscard]] std::vector<std::string> judge(const Prediction& predicted, const Outcome& measured);

struct Policy {
  std::string text;  // as it was given
  policy::Settings settings;
};

struct PolicyVerdict {
  Policy policy;
  Prediction predicted;
  Outcome measured;
  live::TreeCounts counts;
  live::QuietResult quiet;
  std::vector<std::string> off;  // judge(), and a different exit status

  [[nodiscard]] bool agrees() const { return off.empty(); }
};

// What of the real runs is looked at.
enum class Measured : std::uint8_t { kCounts, kCountsAndTimes, kTimes };

struct VerifyOptions {
  std::vector<std::string> recordings;  // of one program, at least one
  std::vector<Policy> policies;
  ByteCount ram{64ULL << 30};  // of the simulated machine
  unsigned jobs = 1;           // replays at once
  Measured measured = Measured::kCounts;
  unsigned time_rounds = 15;                               // for times, 6 or more
  std::shared_ptr<const cost::Profile> profile = nullptr;  // that times are predicted by; as for a replay
  unsigned warmups = 1;                                    // runs before the first measured one
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;  // of each run
  std::chrono::milliseconds lock_patience{30'000};  // while another process holds the settings
};

struct VerifyResult {
  std::string content_hash;             // of the first recording, from which the program is run again
  std::vector<PolicyVerdict> policies;  // none when only times were measured
  std::optional<Timing> timing;         // of the same policies
  std::vector<std::string> notes;       // one sentence each

  // Of faults and folios; times are shown and not judged.
  [[nodiscard]] bool agrees() const;
};

// Predicts from the recordings, then runs the program they hold: same
// arguments, environment, folder and limits, its standard streams those of this
// process. The settings are held only while it runs, and restored before this
// returns; a restore that failed (kNotRestored) wins over every other answer.
// kDamagedInput for a recording that was cut off, kUsage for one that cannot be
// run again, kPrivilege without BPF or the right to change settings.
[[nodiscard]] Result<VerifyResult, Diagnostic> verify(const VerifyOptions& options);

}  // namespace quire::lab
