// kernel/swap_devices.h - swap devices of a machine, made from a description.
#pragma once

#include <memory>

#include "quire/kernel.h"
#include "quire/result.h"
#include "swap/backend.h"
#include "vm/system.h"

namespace quire::kernel {

// The empty device. A zram lies in the machine's own RAM. kUsage: an algorithm, a unit
// or a size that cannot be. Where the machine keeps no contents, pages are taken to
// compress to `assumed_percent` of what they were, whatever the unit.
[[nodiscard]] Result<std::unique_ptr<swap::Backend>, Diagnostic> make_swap_device(vm::System& system,
                                                                                  const SwapDevice& device);

}  // namespace quire::kernel
