#include "lab/machine_setup.h"

#include <algorithm>
#include <utility>

#include "kernel/swap_devices.h"

namespace quire::lab {
namespace {

constexpr std::uint64_t kSeed = 1;  // of the sizes drawn

// What was zero-filled or filled with one word takes no object; it is in the pages' first
// bucket, for every codec makes next to nothing of it.
std::vector<swap::MeasuredSizes::Bin> bins_of(const trace::UnitSizes& sizes, std::uint64_t same,
                                              std::uint64_t unit) {
  std::vector<swap::MeasuredSizes::Bin> bins;
  const std::uint64_t filled = std::min(same, sizes.sixteenths[0]);
  if (filled != 0) bins.push_back({ByteCount(), filled});
  for (std::size_t i = 0; i < sizes.sixteenths.size(); ++i) {
    const std::uint64_t units = sizes.sixteenths[i] - (i == 0 ? filled : 0);
    if (units != 0) bins.push_back({ByteCount((i + 1) * unit / sizes.sixteenths.size()), units});
  }
  return bins;
}

Diagnostic cannot(std::string what, std::string hint) {
  return {Diagnostic::Kind::kFailure, "replay: --machine", std::move(what), std::move(hint)};
}

const char* name_of(trace::ContentsCodec codec) {
  return codec == trace::ContentsCodec::kLz4 ? "lz4" : "zstd";
}

quire::SwapDevice device_of(const SwapSpec& spec) {
  using Kind = quire::SwapDevice::Kind;
  quire::SwapDevice device;
  device.kind = spec.kind == SwapSpec::Kind::kZram    ? Kind::kZram
                : spec.kind == SwapSpec::Kind::kBlock ? Kind::kBlock
                                                      : Kind::kFile;
  device.size = spec.size;
  if (spec.kind != SwapSpec::Kind::kZram) return device;
  device.algorithm = name_of(spec.codec);
  device.unit = ByteCount(spec.unit_bytes);
  return device;
}

Result<void, Diagnostic> add_swap(const Machine& machine, const std::vector<trace::ContentsSample>& contents,
                                  BuiltMachine& built) {
  vm::System& system = built.kernel->system();
  if (machine.zswap) {
    built.zswap_sizes = QUIRE_TRY(size_model(contents, machine.zswap->codec));
    const ZswapSettings settings{.compressor = name_of(machine.zswap->codec),
                                 .max_pool_percent = machine.zswap->max_pool_percent,
                                 .shrinker = machine.zswap->shrinker,
                                 .load = machine.zswap->whole_folios ? ZswapSettings::Load::kWholeFolios
                                                                     : ZswapSettings::Load::kSinglePages};
    const auto options = QUIRE_TRY(kernel::zswap_options(system, settings, built.zswap_sizes.get()));
    QUIRE_TRY(built.kernel->start_zswap(options));
  }
  if (machine.swap->kind == SwapSpec::Kind::kZram)
    built.sizes = QUIRE_TRY(size_model(contents, machine.swap->codec));
  auto device = QUIRE_TRY(kernel::make_swap_device(system, device_of(*machine.swap), built.sizes.get()));
  built.zram = dynamic_cast<const swap::Zram*>(device.get());
  if (!built.kernel->swapon(std::move(device)))
    return fail(cannot("the swap device cannot be used", "make it larger"));
  return {};
}

}  // namespace

Result<std::unique_ptr<swap::SizeModel>, Diagnostic> size_model(
    const std::vector<trace::ContentsSample>& contents, trace::ContentsCodec codec) {
  trace::MappingContents sum;
  for (const trace::ContentsSample& sample : contents) {
    for (const trace::MappingContents& mapping : sample.mappings) sum.add(mapping);
  }
  if (sum.of(codec, 0).units == 0) {
    return fail(
        Diagnostic{Diagnostic::Kind::kUsage, "replay: --machine",
                   "zram and zswap need to know how well memory compresses, and the recording does not say",
                   "record it with --contents-statistics, or use swap=block:SIZE alone"});
  }
  swap::MeasuredSizes::Distributions measured;
  measured.of_4k = bins_of(sum.of(codec, 0), sum.same, trace::kContentsUnits[0]);
  measured.of_16k = bins_of(sum.of(codec, 1), 0, trace::kContentsUnits[1]);
  measured.of_64k = bins_of(sum.of(codec, 2), 0, trace::kContentsUnits[2]);
  return std::make_unique<swap::MeasuredSizes>(kSeed, measured);
}

Result<BuiltMachine, Diagnostic> build_machine(const Machine& machine, const policy::Settings& settings,
                                               const std::vector<trace::ContentsSample>& contents) {
  BuiltMachine built;
  built.kernel =
      QUIRE_TRY(kernel::Kernel::create({.ram = machine.ram, .contents = phys::Contents::kNone}, settings));
  fragment(built.kernel->system().memory, machine.fragmentation);
  if (!machine.has_pressure()) return built;
  built.kernel->start_reclaim(machine.reclaim);
  if (machine.swap) QUIRE_TRY(add_swap(machine, contents, built));
  if (machine.limit) {
    reclaim::Reclaimer& reclaimer = *built.kernel->reclaimer();
    built.group = reclaimer.groups().create("replay");
    reclaimer.set_max(built.group, PageCount::covering(*machine.limit));
  }
  return built;
}

}  // namespace quire::lab
