// top/openmetrics.h - a Frame as OpenMetrics text, version 1.0.0: what Prometheus
// scrapes, and what node_exporter's textfile collector reads from a file.
//
// Types are counter and gauge only: the textfile collector knows no others.
#pragma once

#include <cstddef>
#include <string>

#include "top/frame.h"
#include "top/view.h"

namespace quire::top {

// `processes`: of the view's, so many with most memory get metrics of their own.
// Each makes up to 24 series.
[[nodiscard]] std::string openmetrics(const Frame& frame, const View& view, std::size_t processes);

inline constexpr std::size_t kMostProcesses = 1000;

}  // namespace quire::top
