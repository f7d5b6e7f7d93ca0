// kernel/swap_devices.h - swap devices of a machine, made from a description.
#pragma once

#include <memory>

#include "quire/kernel.h"
#include "quire/result.h"
#include "swap/backend.h"
#include "swap/size_model.h"
#include "swap/zswap.h"
#include "vm/system.h"

namespace quire::kernel {

// The empty device. A zram lies in the machine's own RAM. kUsage: an algorithm, a unit
// or a size that cannot be. Where the machine keeps no contents, `sizes` says what pages
// compress to; it must outlive the device. Without, to SwapDevice::kAssumedPercent of what they
// were, whatever the unit.
[[nodiscard]] Result<std::unique_ptr<swap::Backend>, Diagnostic> make_swap_device(
    vm::System& system, const SwapDevice& device, const swap::SizeModel* sizes = nullptr);

// What Kernel::start_zswap takes. kUsage: a compressor or a percentage that cannot be.
// `sizes` as above.
[[nodiscard]] Result<swap::ZswapOptions, Diagnostic> zswap_options(const vm::System& system,
                                                                   const ZswapSettings& settings,
                                                                   const swap::SizeModel* sizes = nullptr);

}  // namespace quire::kernel
