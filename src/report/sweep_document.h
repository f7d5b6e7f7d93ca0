// report/sweep_document.h - the JSON answer about the results of a sweep.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lab/sweep_store.h"
#include "quire/result.h"

namespace quire::report {

// All that the file holds, with what was skipped. Figures have the names they have in a replay's.
[[nodiscard]] Result<nlohmann::ordered_json, Diagnostic> sweep_document(lab::SweepStore& store,
                                                                        const std::string& file);

}  // namespace quire::report
