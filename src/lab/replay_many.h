// lab/replay_many.h - one recording under several policies at once.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lab/replay.h"

namespace quire::lab {

// One replay has ended: which, and how. False: begin no other.
using ReplayDone = std::function<bool(std::size_t run, Result<ReplayResult, Diagnostic> result)>;

// Replays `path` once for each of `runs`, `jobs` at a time, and tells each as it
// ends, one after the other.
void replay_each(const std::string& path, std::span<const ReplayOptions> runs, unsigned jobs,
                 const ReplayDone& done);

// Replays `path` once for each of `runs`, `jobs` at a time, each on a reader
// and a kernel of its own. Results in the order of `runs`; of several
// Diagnostics the one of the first run.
[[nodiscard]] Result<std::vector<ReplayResult>, Diagnostic> replay_many(const std::string& path,
                                                                        std::span<const ReplayOptions> runs,
                                                                        unsigned jobs);

}  // namespace quire::lab
