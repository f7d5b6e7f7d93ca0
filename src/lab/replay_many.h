// lab/replay_many.h - one recording under several policies at once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lab/replay.h"

namespace quire::lab {

// Replays `path` once for each of `runs`, `jobs` at a time, each on a reader
// and a kernel of its own. Results in the order of `runs`; of several
// Diagnostics the one of the first run.
[[nodiscard]] Result<std::vector<ReplayResult>, Diagnostic> replay_many(const std::string& path,
                                                                        std::span<const ReplayOptions> runs,
                                                                        unsigned jobs);

}  // namespace quire::lab
