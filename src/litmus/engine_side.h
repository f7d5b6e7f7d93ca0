// litmus/engine_side.h - experiments on Quire itself.
#pragma once

#include <memory>

#include "litmus/side.h"
#include "quire/kernel.h"

namespace quire::litmus {

// A machine of its own for the experiment, with its settings. kPrivilege when
// the engine has not the architecture or the policy. `host` is memory that
// machines hand on to each other.
[[nodiscard]] Result<std::unique_ptr<Side>, Diagnostic> engine_side(
    const Experiment& experiment, std::shared_ptr<phys::HostMemory> host = nullptr);

}  // namespace quire::litmus
