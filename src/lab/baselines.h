// lab/baselines.h - what a recommended policy is held against, and what each part of it
// is worth.
//
// Baselines are what somebody who doubts a policy asks for first: what there is without
// it, what the program could do about it today, and bounds that nothing can beat. An
// ablation takes away or changes one constant of a policy at a time. Both are replays
// like any other, and stand here as data; docs/reference/advise.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lab/replay.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::lab {

// What a recording has to have for a variant to differ from what it is a variant of.
enum class ActsOn : std::uint8_t { kAnything, kForks, kCollapsesAfterFork, kCollapsesOfDaemon };

// One more way to run a recorded program.
struct Variant {
  std::string name;   // "MADV_DONTFORK", "without 64K"
  std::string today;  // which interface carries it: what somebody would have to do
  policy::Settings settings{};
  OwnAdvice own{};
  Khugepaged khugepaged = Khugepaged::kAsleep;
  ActsOn acts_on = ActsOn::kAnything;
  std::optional<ReplayResult> result{};
  std::string missing{};  // why there is no result; empty when there is one
  std::string caveat{};   // what is to be known about the result; may be empty
};

// What was recorded on a host with these settings, besides.
[[nodiscard]] std::vector<Variant> baselines_beside(const policy::Settings& now);

// One variant for each size, switch and constant of a policy, and for what the program
// says of its memory. None that is the policy itself.
[[nodiscard]] std::vector<Variant> ablation_of(const policy::Settings& policy, const OwnAdvice& own);

// How variants of one recording are replayed.
struct VariantRuns {
  std::string recording;
  ByteCount ram{64ULL << 30};
  std::shared_ptr<const cost::Profile> profile = nullptr;
  unsigned jobs = 1;
  std::uint64_t forks = 0;  // address spaces that were copied
  // What they are variants of: a fault refused there too is nothing new, and whoever comes to the
  // same is said to.
  const ReplayResult* beside = nullptr;
  std::string beside_name = "the host as it was";
};

// Gives each variant its result, or says why there is none. A replay that fails is one
// that is missing.
void replay_variants(std::vector<Variant>& variants, const VariantRuns& runs);

// The change that costs most beside `recommended` first, in time or in memory, whichever is more; what
// could not be run last.
void sort_losers_first(std::vector<Variant>& variants, const ReplayResult& recommended);

}  // namespace quire::lab
