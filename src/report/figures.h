// report/figures.h - the figures of this program's answers, each described
// once (report/figure.h).
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "lab/replay.h"
#include "lab/verify.h"
#include "report/figure.h"
#include "stats/counters.h"

namespace quire::report {

// What one policy made of a recording.
[[nodiscard]] Sheet sheet_of(const lab::ReplayResult& result);

// What verify compares, and the differences: measured minus predicted.
[[nodiscard]] Sheet sheet_of(const lab::Outcome& outcome);
[[nodiscard]] Sheet difference(const lab::Outcome& measured, const lab::Outcome& predicted);

// Counters under the kernel's own names: those of /proc/vmstat, then one
// object for each size.
[[nodiscard]] nlohmann::ordered_json counters_json(const stats::Counters& counters);

}  // namespace quire::report
