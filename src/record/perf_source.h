// record/perf_source.h - the second tier: perf tracepoints, one ring for each
// processor.
#pragma once

#include <memory>

#include "quire/types.h"
#include "record/source.h"

namespace quire::record {

// A Diagnostic of kind kPrivilege when tracepoints are out of reach.
[[nodiscard]] Result<std::unique_ptr<Source>, Diagnostic> make_perf_source(ByteCount ring_bytes);

}  // namespace quire::record
