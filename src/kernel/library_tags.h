// kernel/library_tags.h - memory tags of the public library's machines.
#pragma once

#include "phys/memory.h"
#include "quire/kernel.h"

namespace quire::kernel {

// What the machine is to have. A Diagnostic: its architecture has no tags.
[[nodiscard]] Result<phys::MemoryTags, Diagnostic> tags_of(const MachineOptions& machine);

}  // namespace quire::kernel
