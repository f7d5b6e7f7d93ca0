// litmus/engine_side.h - experiments on Quire itself.
#pragma once

#include <memory>

#include "litmus/side.h"

namespace quire::litmus {

// A machine of its own for the experiment, with its settings. kPrivilege when
// the engine has not the architecture or the policy.
[[nodiscard]] Result<std::unique_ptr<Side>, Diagnostic> engine_side(const Experiment& experiment);

}  // namespace quire::litmus
