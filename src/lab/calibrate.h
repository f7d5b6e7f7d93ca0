// lab/calibrate.h - measures what this host's kernel takes for its work.
//
// Live side: each size is the only one allowed while it is measured, under
// live/settings_guard.h; what is measured is memory of this process.
#pragma once

#include <functional>
#include <string>

#include "cost/profile.h"
#include "quire/result.h"

namespace quire::lab {

struct CalibrateOptions {
  std::string name;               // of the profile
  unsigned rounds = 11;           // at least 6: fewer give no interval
  ByteCount arena{128ULL << 20};  // that the work is done on
};

// Called after each round with how many are done.
using CalibrateProgress = std::function<void(unsigned)>;

// Measures every kind of work once in each round, all sizes one after the
// other, so that what disturbs the machine for a while disturbs all of them.
// kPrivilege without the right to change settings or without per-size settings;
// kFailure when the host does not give folios of a size at all (fragmented).
[[nodiscard]] Result<cost::Profile, Diagnostic> calibrate(const CalibrateOptions& options,
                                                          const CalibrateProgress& progress);

}  // namespace quire::lab
