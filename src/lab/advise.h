// lab/advise.h - which policy a recorded program should have.
//
// Replays the recording under every set of sizes worth trying, prices each, and
// recommends one, or to leave the host alone. docs/reference/advise.md has the
// rules; nothing here is a matter of taste that is not written down there.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cost/profile.h"
#include "lab/baselines.h"
#include "lab/replay.h"
#include "lab/scopes.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::lab {

struct Candidate {
  // As --policy takes it, of the host's settings; "now": as they were when recorded.
  std::string policy;
  policy::Settings settings;
  ReplayResult result;
  ProgramChange change{};  // of the program itself; only the scope where it is the host's settings alone

  [[nodiscard]] double kernel_ns() const { return result.bill.kernel_ns; }
  [[nodiscard]] ByteCount memory() const { return result.peak_resident; }
};

enum class Confidence : std::uint8_t { kHigh, kMedium, kLow };

struct Advice {
  // The first is the host as it was, the second small pages only.
  std::vector<Candidate> candidates;
  std::size_t best = 0;                               // of candidates; 0: leave it alone
  std::vector<std::size_t> pareto;                    // no other is both faster and smaller; fastest first
  double user_ns = 0;                                 // of the recorded run
  policy::KernelVersion kernel = policy::kThisModel;  // that has to know what is recommended
  Confidence confidence = Confidence::kHigh;
  std::vector<std::string> doubts;  // why it is not higher
  std::vector<std::string> notes;
  std::vector<Variant> baselines;  // what else there is, recommended or not
  std::vector<Variant> ablation;   // of the recommended, losers first

  [[nodiscard]] const Candidate& now() const { return candidates[0]; }
  [[nodiscard]] const Candidate& small() const { return candidates[1]; }
  [[nodiscard]] const Candidate& recommended() const { return candidates[best]; }
  [[nodiscard]] bool leave() const { return best == 0; }
  // Processor time of the whole program: what it took itself, and what the kernel
  // would have taken for its memory.
  [[nodiscard]] double cpu_ns(const Candidate& c) const { return user_ns + c.kernel_ns(); }
};

struct AdviseOptions {
  std::string recording;
  ByteCount ram{64ULL << 30};
  std::shared_ptr<const cost::Profile> profile;  // not null
  bool profile_is_of_this_host = false;
  std::optional<policy::KernelVersion> kernel;  // none: the one it was recorded on
  Scope narrowest = Scope::kMapping;            // no change that concerns less
  unsigned jobs = 1;
};

// kDamagedInput for a recording that was cut off; kFinding for one that failed
// its completeness gate, which is computed when nobody has yet: nothing is
// recommended from it.
[[nodiscard]] Result<Advice, Diagnostic> advise(const AdviseOptions& options);

// The sets of sizes tried, small pages first: every run of neighbouring sizes,
// and each run below 2 MiB with 2 MiB besides; of what that kernel has.
[[nodiscard]] std::vector<std::string> policies_worth_trying(
    policy::KernelVersion kernel = policy::kThisModel);

// The settings that `files` show: "enabled" -> "always [madvise] never". What is
// missing is as Linux 6.18 boots.
[[nodiscard]] policy::Settings settings_shown_by(const std::map<std::string, std::string>& files);

// Which of the candidates, for processor time of the program besides the kernel's:
// see docs/reference/advise.md. 0: leave it alone.
[[nodiscard]] std::size_t choose(const std::vector<Candidate>& candidates, double user_ns);

}  // namespace quire::lab
