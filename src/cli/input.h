// cli/input.h - a recording named on the command line.
#pragma once

#include <string>

#include "quire/result.h"
#include "trace/reader.h"

namespace quire::cli {

// Opens it; a missing name is kUsage.
[[nodiscard]] Result<trace::Reader, Diagnostic> open_recording(const std::string& verb,
                                                               const std::string& file);

// Asked after the answer was given: 0, or the Diagnostic of a recording that
// was cut off. What is whole has been shown by then.
[[nodiscard]] Result<int, Diagnostic> status_of_input(const std::string& file, const trace::Reader& reader);

}  // namespace quire::cli
