// record/bpf_source.h - the main tier: a BPF program on tracepoints, one ring.
#pragma once

#include <memory>

#include "quire/types.h"
#include "record/source.h"

namespace quire::record {

// Loads and attaches the program of recorder.bpf.c. A Diagnostic of kind
// kPrivilege says what this kernel refuses. A ring that is too large for this
// machine is halved until it fits.
[[nodiscard]] Result<std::unique_ptr<Source>, Diagnostic> make_bpf_source(ByteCount ring_bytes);

}  // namespace quire::record
