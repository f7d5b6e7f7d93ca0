// cli/complete_values.h - what the value of an option, or an operand, can be.
#pragma once

#include "cli/complete.h"

namespace quire::cli {

// Words that `typed` can become, and what the shell knows better.
[[nodiscard]] Completion complete_value(const Taken& taken, const std::string& typed);

}  // namespace quire::cli
