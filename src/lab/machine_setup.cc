#include "lab/machine_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
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

// Recordings have sizes of two; both lzos come nearer to lz4.
trace::ContentsCodec measured_like(compress::Algorithm algorithm) {
  return algorithm == compress::Algorithm::kZstd ? trace::ContentsCodec::kZstd : trace::ContentsCodec::kLz4;
}

quire::SwapDevice device_of(const SwapSpec& spec) {
  using Kind = quire::SwapDevice::Kind;
  quire::SwapDevice device;
  device.size = spec.size;
  device.discards = spec.discards;
  device.rotational = spec.kind == SwapSpec::Kind::kDisk;
  device.algorithm = compress::name(spec.algorithm);
  device.unit = ByteCount(spec.unit_bytes);
  device.threads = spec.threads;
  device.mem_limit = spec.mem_limit;
  switch (spec.kind) {
    case SwapSpec::Kind::kZram:
      device.kind = Kind::kZram;
      break;
    case SwapSpec::Kind::kBlock:
    case SwapSpec::Kind::kDisk:
      device.kind = Kind::kBlock;
      break;
    case SwapSpec::Kind::kFile:
      device.kind = Kind::kFile;
      break;
  }
  return device;
}

Result<void, Diagnostic> add_zswap(const ZswapSpec& spec, const std::vector<trace::ContentsSample>& contents,
                                   BuiltMachine& built) {
  built.zswap_sizes = QUIRE_TRY(size_model(contents, measured_like(spec.algorithm)));
  const ZswapSettings settings{
      .compressor = std::string(compress::name(spec.algorithm)),
      .max_pool_percent = spec.max_pool_percent,
      .shrinker = spec.shrinker,
      .load = spec.whole_folios ? ZswapSettings::Load::kWholeFolios : ZswapSettings::Load::kSinglePages};
  const auto options =
      QUIRE_TRY(kernel::zswap_options(built.kernel->system(), settings, built.zswap_sizes.get()));
  return built.kernel->start_zswap(options);
}

Result<void, Diagnostic> add_device(const SwapSpec& spec, const std::vector<trace::ContentsSample>& contents,
                                    BuiltMachine& built) {
  quire::SwapDevice wanted = device_of(spec);
  const swap::SizeModel* sizes = nullptr;
  if (spec.kind == SwapSpec::Kind::kZram) {
    built.sizes.push_back(QUIRE_TRY(size_model(contents, measured_like(spec.algorithm))));
    sizes = built.sizes.back().get();
    wanted.name = fmt::format("zram{}", built.zrams.size());
  }
  auto device = QUIRE_TRY(kernel::make_swap_device(built.kernel->system(), wanted, sizes));
  if (const auto* const zram = dynamic_cast<const swap::Zram*>(device.get())) built.zrams.push_back(zram);
  if (!built.kernel->swapon(std::move(device), {.priority = spec.priority}))
    return fail(cannot("the swap device cannot be used", "make it larger"));
  return {};
}

// zswap first: it stands before what is switched on after it.
Result<void, Diagnostic> add_swap(const Machine& machine, const std::vector<trace::ContentsSample>& contents,
                                  BuiltMachine& built) {
  if (machine.zswap) QUIRE_TRY(add_zswap(*machine.zswap, contents, built));
  for (const SwapSpec& spec : machine.swap) QUIRE_TRY(add_device(spec, contents, built));
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
  if (!machine.swap.empty()) QUIRE_TRY(add_swap(machine, contents, built));
  if (machine.limit) {
    reclaim::Reclaimer& reclaimer = *built.kernel->reclaimer();
    built.group = reclaimer.groups().create("replay");
    reclaimer.set_max(built.group, PageCount::covering(*machine.limit));
  }
  return built;
}

}  // namespace quire::lab
