// lab/sweep.h - many replays: recordings x policies x machines, in parallel, each
// result kept as soon as it is there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lab/sweep_space.h"
#include "lab/sweep_store.h"

namespace quire::lab {

struct SweepProgress {
  std::size_t done = 0;     // of this sweep, those found included
  std::size_t found = 0;    // what was there already
  std::size_t skipped = 0;  // what cannot be run, now or before
  std::size_t all = 0;
};

struct SweepOptions {
  std::vector<std::string> recordings;
  SweepSpace space;
  unsigned jobs = 1;
  std::function<void(const SweepProgress&)> progress;  // called by one thread at a time
};

// Replays what the store has not. A machine that a recording does not run on (too small, or with
// a device that needs what was not recorded) is kept with its reason. Any other error ends the sweep;
// what is kept by then is right, and a later sweep goes on from there.
[[nodiscard]] Result<SweepProgress, Diagnostic> sweep(const SweepOptions& options, SweepStore& store);

}  // namespace quire::lab
