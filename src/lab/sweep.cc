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
    progress_.all =
        options.recordings.size() * space.policies.size() * space.machines.size() * space.profiles.size();
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
                  const auto kept = keep(recording, missing[i], result);
                  if (!kept && !trouble) trouble = kept.error();
                  if (kept) tell({.done = 1, .found = 0, .skipped = result ? 0U : 1U, .all = 0});
                  return kept.has_value();
                });
    if (trouble) return fail(*trouble);
    return {};
  }

  // A machine that cannot be had is an answer; a recording that cannot be read is none.
  Result<void, Diagnostic> keep(const Recording& recording, const Missing& what,
                                const Result<ReplayResult, Diagnostic>& result) {
    if (result) return store_.put(what.key, what.words, *what.run.machine, *result);
    if (result.error().where == recording.file) return fail(result.error());
    return store_.skip(what.key, what.words, result.error().what);
  }

  Result<std::vector<Missing>, Diagnostic> missing_of(const std::string& recording) {
    std::vector<Missing> missing;
    for (const auto& profile : options_.space.profiles) {
      for (const Machine& machine : options_.space.machines)
        QUIRE_TRY(add_missing(recording, {.settings = {}, .profile = profile, .machine = machine}, missing));
    }
    return missing;
  }

  // Of all policies on this machine.
  Result<void, Diagnostic> add_missing(const std::string& recording, const ReplayOptions& run,
                                       std::vector<Missing>& missing) {
    const std::string profile_hash = hash_of(*run.profile);
    for (const Policy& policy : options_.space.policies) {
      SweepKey key{recording, policy::canonical(policy.settings), run.machine->text, run.profile->name,
                   profile_hash};
      const SweepStore::Kept kept = QUIRE_TRY(store_.kept(key));
      if (kept != SweepStore::Kept::kNothing) {
        tell({.done = 1, .found = 1, .skipped = kept == SweepStore::Kept::kReason ? 1U : 0U, .all = 0});
        continue;
      }
      missing.push_back({std::move(key), policy.text, run});
      missing.back().run.settings = policy.settings;
    }
    return {};
  }

  void tell(const SweepProgress& more) {
    progress_.done += more.done;
    progress_.found += more.found;
    progress_.skipped += more.skipped;
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
