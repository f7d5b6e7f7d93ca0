// cli/litmus_random.h - the second word of the verb litmus.
#pragma once

#include "cli/verbs.h"

namespace quire::cli {

[[nodiscard]] Result<int, Diagnostic> run_litmus_fuzz(Words words);

}  // namespace quire::cli
