#include "lab/sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <optional>

#include "lab/finished_recording.h"
#include "lab/replay_many.h"
#include "policy/parse.h"

namespace quire::lab {
namespace {

std::string hash_of(const cost::Profile& profile) {
  const std::string text = cost::to_toml(profile);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

// One result that the store has not.
struct Missing {
  SweepKey key;
  std::string words;
  ReplayOptions run;
};

class Sweep {
 public:
  Sweep(const SweepOptions& options, SweepStore& store) : options_(options), store_(store) {
    const SweepSpace& space = options.space;
    progress_.all = options.recordings.size() * space.policies.size() * space.ram.size() *
                    space.profiles.size() * space.fragmentation.size();
  }

  Result<SweepProgress, Diagnostic> run() {
    // All of them first: a name that is wrong is told before hours of work.
    std::vector<Recording> recordings;
    for (const std::string& file : options_.recordings) {
      const trace::Reader reader = QUIRE_TRY(open_finished(file));
      recordings.push_back({file, fmt::format("{:016x}", reader.content_hash()),
                            fmt::format("{}", fmt::join(reader.header().argv, " "))});
    }
    for (const Recording& recording : recordings) QUIRE_TRY(sweep_one(recording));
    return progress_;
  }

 private:
  struct Recording {
    std::string file, hash, command;
  };

  Result<void, Diagnostic> sweep_one(const Recording& recording) {
    QUIRE_TRY(store_.put_recording(recording.hash, recording.file, recording.command));
    const std::vector<Missing> missing = QUIRE_TRY(missing_of(recording.hash));
    std::vector<ReplayOptions> runs;
    for (const Missing& one : missing) runs.push_back(one.run);
    std::optional<Diagnostic> trouble;
    replay_each(recording.file, runs, options_.jobs,
                [&](std::size_t i, Result<ReplayResult, Diagnostic> result) {
                  const auto kept = result ? store_.put(missing[i].key, missing[i].words, *result)
                                           : Result<void, Diagnostic>(fail(result.error()));
                  if (!kept && !trouble) trouble = kept.error();
                  if (kept) tell(1, 0);
                  return kept.has_value();
                });
    if (trouble) return fail(*trouble);
    return {};
  }

  Result<std::vector<Missing>, Diagnostic> missing_of(const std::string& recording) {
    std::vector<Missing> missing;
    for (const auto& profile : options_.space.profiles) {
      for (const ByteCount ram : options_.space.ram) {
        for (const double chance : options_.space.fragmentation) {
          ReplayOptions machine{.settings = {}, .ram = ram, .profile = profile};
          machine.fragmentation.chance = chance;
          QUIRE_TRY(add_missing(recording, machine, missing));
        }
      }
    }
    return missing;
  }

  // Of all policies on this machine.
  Result<void, Diagnostic> add_missing(const std::string& recording, const ReplayOptions& machine,
                                       std::vector<Missing>& missing) {
    const std::string profile_hash = hash_of(*machine.profile);
    for (const Policy& policy : options_.space.policies) {
      SweepKey key{recording,    policy::canonical(policy.settings), machine.ram, machine.profile->name,
                   profile_hash, machine.fragmentation.chance};
      if (QUIRE_TRY(store_.has(key))) {
        tell(1, 1);
        continue;
      }
      missing.push_back({std::move(key), policy.text, machine});
      missing.back().run.settings = policy.settings;
    }
    return {};
  }

  void tell(std::size_t done, std::size_t found) {
    progress_.done += done;
    progress_.found += found;
    if (options_.progress) options_.progress(progress_);
  }

  const SweepOptions& options_;
  SweepStore& store_;
  SweepProgress progress_;
};

}  // namespace

Result<SweepProgress, Diagnostic> sweep(const SweepOptions& options, SweepStore& store) {
  return Sweep(options, store).run();
}

}  // namespace quire::lab
