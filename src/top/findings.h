// top/findings.h - what somebody should look at, in sentences: what fails, what
// waits, what is held for nothing.
#pragma once

#include <string>
#include <vector>

#include "top/frame.h"

namespace quire::top {

// Worst first; none when all is well. The thresholds stand in
// docs/reference/top.md. Names of programs are as the programs chose them.
[[nodiscard]] std::vector<std::string> findings_of(const Frame& frame);

}  // namespace quire::top
