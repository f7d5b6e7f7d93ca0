// litmus/recording_json.h - a recording as JSON: what `--json` prints of each
// side, and what is stored beside a file. The fields: docs/reference/litmus.md.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "litmus/experiment.h"
#include "litmus/observation.h"

namespace quire::litmus {

// Pages are given as runs: consecutive pages of one folio, or of nothing. With
// kChanged a mapping that looks as after the step before is left out.
enum class Views : std::uint8_t { kAll, kChanged };
[[nodiscard]] nlohmann::ordered_json to_json(const Experiment& experiment, const Recording& recording,
                                             Views views);

// Reads what to_json wrote of this experiment, with all views.
[[nodiscard]] Result<Recording, Diagnostic> recording_from_json(const Experiment& experiment,
                                                                const nlohmann::ordered_json& json,
                                                                const std::string& where);

}  // namespace quire::litmus
