// oracle/confirm.h - which differences from the kernel are real.
//
// The kernel's counters are those of the whole host: other programs move them
// too, by chance. Pages are the experiment's own, but whoever holds a reference
// to a folio for a moment, as reclaim and compaction do, has the kernel copy or
// split what it would have reused. A difference that an experiment makes comes
// again each time.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "litmus/check.h"
#include "quire/result.h"

namespace quire::litmus {

// How often a difference must come again, and how long to wait before the first
// repeat; each wait is twice as long as the one before, since others may be at
// work for a while.
struct Patience {
  int runs = 7;       // while only counters differ
  int page_runs = 4;  // while anything else does
  std::chrono::milliseconds first_pause{10};
};

// One run on the kernel: what is wrong with it.
using Attempt = std::function<Result<std::vector<Finding>, Diagnostic>()>;

// What was wrong with the first run and with every one after it. Runs again while
// anything is wrong: the last run is one without, if there is any.
[[nodiscard]] Result<std::vector<Finding>, Diagnostic> confirmed_findings(const Attempt& attempt,
                                                                          Patience patience = {});

}  // namespace quire::litmus
