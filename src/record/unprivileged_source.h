// record/unprivileged_source.h - the last tier: what any user may see of their
// own program.
#pragma once

#include <memory>

#include "quire/types.h"
#include "record/source.h"

namespace quire::record {

// Software page-fault events of user mode, and ptrace for the system calls.
// A Diagnostic of kind kPrivilege when even these are refused.
[[nodiscard]] Result<std::unique_ptr<Source>, Diagnostic> make_unprivileged_source(ByteCount ring_bytes);

}  // namespace quire::record
