#include "kernel/swap_devices.h"

#include <fmt/format.h>

#include "swap/plain_device.h"
#include "swap/size_model.h"
#include "swap/zram.h"

namespace quire::kernel {
namespace {

Diagnostic wrong(std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, "swap device", std::move(what), std::move(hint)};
}

Result<std::unique_ptr<swap::Backend>, Diagnostic> make_zram(vm::System& system, const SwapDevice& device) {
  const auto algorithm = compress::algorithm_named(device.algorithm);
  if (!algorithm)
    return fail(wrong(fmt::format("no algorithm is called {}", device.algorithm),
                      "there are lzo, lzo-rle, lz4 and zstd"));
  static const swap::FixedSizes kAssumed(SwapDevice::kAssumedPercent);
  swap::ZramOptions options{.disksize = device.size,
                            .algorithm = *algorithm,
                            .unit = device.unit,
                            .threads = device.threads,
                            .mem_limit = device.mem_limit};
  if (system.memory.contents() == phys::Contents::kNone) options.sizes = &kAssumed;
  return QUIRE_TRY(swap::Zram::create(system.pool_pages, options));
}

}  // namespace

Result<std::unique_ptr<swap::Backend>, Diagnostic> make_swap_device(vm::System& system,
                                                                    const SwapDevice& device) {
  const PageCount pages = PageCount::covering(device.size);
  if (pages < PageCount(2))
    return fail(wrong("it has no slot behind its header", "give it two pages or more"));
  switch (device.kind) {
    case SwapDevice::Kind::kZram:
      return make_zram(system, device);
    case SwapDevice::Kind::kBlock:
      return swap::block_device(pages);
    case SwapDevice::Kind::kFile:
      return swap::swap_file(pages);
  }
  return fail(wrong("its kind is none", ""));
}

}  // namespace quire::kernel
