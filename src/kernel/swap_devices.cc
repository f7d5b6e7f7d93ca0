#include "kernel/swap_devices.h"

#include <fmt/format.h>

#include "swap/plain_device.h"
#include "swap/size_model.h"
#include "swap/zram.h"

namespace quire::kernel {
namespace {

Diagnostic wrong(std::string what, std::string hint, const char* where = "swap device") {
  return {Diagnostic::Kind::kUsage, where, std::move(what), std::move(hint)};
}

// Null: the bytes say it themselves.
const swap::SizeModel* sizes_for(const vm::System& system, const swap::SizeModel* sizes) {
  static const swap::FixedSizes kAssumed(SwapDevice::kAssumedPercent);
  if (system.memory.contents() != phys::Contents::kNone) return nullptr;
  return sizes == nullptr ? &kAssumed : sizes;
}

Result<compress::Algorithm, Diagnostic> algorithm_of(const std::string& word, const char* where) {
  const auto algorithm = compress::algorithm_named(word);
  if (algorithm) return *algorithm;
  return fail(
      wrong(fmt::format("no algorithm is called {}", word), "there are lzo, lzo-rle, lz4 and zstd", where));
}

Result<std::unique_ptr<swap::Backend>, Diagnostic> make_zram(vm::System& system, const SwapDevice& device,
                                                             const swap::SizeModel* sizes) {
  swap::ZramOptions options{.disksize = device.size,
                            .algorithm = QUIRE_TRY(algorithm_of(device.algorithm, "swap device")),
                            .unit = device.unit,
                            .threads = device.threads,
                            .mem_limit = device.mem_limit};
  if (!device.name.empty()) options.name = device.name;
  options.sizes = sizes_for(system, sizes);
  return QUIRE_TRY(swap::Zram::create(system.pool_pages, options));
}

}  // namespace

Result<std::unique_ptr<swap::Backend>, Diagnostic> make_swap_device(vm::System& system,
                                                                    const SwapDevice& device,
                                                                    const swap::SizeModel* sizes) {
  const PageCount pages = PageCount::covering(device.size);
  if (pages < PageCount(2))
    return fail(wrong("it has no slot behind its header", "give it two pages or more"));
  if (device.kind == SwapDevice::Kind::kZram && (device.rotational || device.discards))
    return fail(wrong("a zram neither turns nor discards", "that is for disks and files"));
  const auto name_or = [&](const char* usual) { return device.name.empty() ? usual : device.name; };
  const swap::DiskTraits disk{.rotational = device.rotational, .discards = device.discards};
  switch (device.kind) {
    case SwapDevice::Kind::kZram:
      return make_zram(system, device, sizes);
    case SwapDevice::Kind::kBlock:
      return swap::block_device(pages, name_or("sda"), disk);
    case SwapDevice::Kind::kFile:
      return swap::swap_file(pages, name_or("swapfile"), disk);
  }
  return fail(wrong("its kind is none", ""));
}

Result<swap::ZswapOptions, Diagnostic> zswap_options(const vm::System& system, const ZswapSettings& settings,
                                                     const swap::SizeModel* sizes) {
  if (settings.max_pool_percent > 100 || settings.accept_threshold_percent > 100)
    return fail(wrong("a percentage is above 100", "give 0 to 100", "zswap"));
  swap::ZswapOptions options;
  options.compressor = QUIRE_TRY(algorithm_of(settings.compressor, "zswap"));
  options.parameters.max_pool_percent = settings.max_pool_percent;
  options.parameters.accept_threshold_percent = settings.accept_threshold_percent;
  options.parameters.shrinker_enabled = settings.shrinker;
  options.load = settings.load == ZswapSettings::Load::kWholeFolios ? swap::ZswapLoad::kWholeFolios
                                                                    : swap::ZswapLoad::kSinglePages;
  options.sizes = sizes_for(system, sizes);
  return options;
}

}  // namespace quire::kernel
