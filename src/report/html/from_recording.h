// report/html/from_recording.h - a recording instead of an answer: what `quire advise`
// and `quire replay` would have answered about it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cost/profile.h"
#include "lab/verify.h"
#include "report/html/run.h"

namespace quire::report {

struct FromRecording {
  std::string file;
  std::vector<lab::Policy> policies;  // none: what is advised, and what it is compared with
  ByteCount ram{64ULL << 30};
  std::shared_ptr<const cost::Profile> profile;  // not null
  std::string profile_file;                      // as named; empty: the reference machine's
  unsigned jobs = 1;
};

// The advice, unless policies were named or the recording allows none, which is then a note of
// the replay that follows; kDamagedInput for what is no recording or is damaged within.
[[nodiscard]] Result<std::vector<Run>, Diagnostic> runs_of_recording(const FromRecording& request);

}  // namespace quire::report
