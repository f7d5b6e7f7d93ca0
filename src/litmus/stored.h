// litmus/stored.h - what the kernel did, kept beside a file: x.litmus has
// x.kernel.json.
#pragma once

#include <optional>
#include <string>

#include "litmus/experiment.h"
#include "litmus/observation.h"
#include "quire/result.h"

namespace quire::litmus {

[[nodiscard]] std::string stored_name(const std::string& file);
[[nodiscard]] Result<void, Diagnostic> store(const std::string& file, const Experiment& experiment,
                                             const Recording& recording);
// Nothing when nothing is stored. kDamagedInput when it is of another experiment.
[[nodiscard]] Result<std::optional<Recording>, Diagnostic> load_stored(const std::string& file,
                                                                       const Experiment& experiment);

}  // namespace quire::litmus
