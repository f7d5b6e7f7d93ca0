// lab/finished_recording.h - recordings of which the end is there.
#pragma once

#include <string>

#include "quire/result.h"
#include "trace/reader.h"

namespace quire::lab {

// A reader of a recording that has its summary. kDamagedInput for one that was cut
// off: it says nothing of the whole run.
[[nodiscard]] Result<trace::Reader, Diagnostic> open_finished(const std::string& file);

}  // namespace quire::lab
