// record/describe_host.h - the circumstances of a recording, for its header.
#pragma once

#include "record/recorder.h"
#include "trace/header.h"

namespace quire::record {

// Everything but the tier and what it lacks, taken from this process and this
// host as they are now; the target inherits it. Not scrubbed.
[[nodiscard]] trace::Header describe_host(const RecordOptions& options);

}  // namespace quire::record
