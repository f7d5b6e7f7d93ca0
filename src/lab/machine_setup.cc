#include "lab/machine_setup.h"

#include <algorithm>
#include <utility>

#include "swap/plain_device.h"

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

Result<std::unique_ptr<swap::Backend>, Diagnostic> make_zram(const SwapSpec& spec, BuiltMachine& built) {
  const bool lz4 = spec.codec == trace::ContentsCodec::kLz4;
  swap::ZramOptions options;
  options.disksize = spec.size;
  options.algorithm = lz4 ? compress::Algorithm::kLz4 : compress::Algorithm::kZstd;
  options.unit = ByteCount(spec.unit_bytes);
  options.sizes = built.sizes.get();
  auto zram = QUIRE_TRY(swap::Zram::create(*built.frames, options));
  built.zram = zram.get();
  return zram;
}

}  // namespace

Result<std::unique_ptr<swap::SizeModel>, Diagnostic> size_model(
    const std::vector<trace::ContentsSample>& contents, trace::ContentsCodec codec) {
  trace::MappingContents sum;
  for (const trace::ContentsSample& sample : contents) {
    for (const trace::MappingContents& mapping : sample.mappings) sum.add(mapping);
  }
  if (sum.of(codec, 0).units == 0) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, "replay: --machine",
                           "zram needs to know how well memory compresses, and the recording does not say",
                           "record it with --contents-statistics, or use swap=block:SIZE"});
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
  if (machine.swap) {
    std::unique_ptr<swap::Backend> device;
    const PageCount pages = PageCount::covering(machine.swap->size);
    if (machine.swap->kind == SwapSpec::Kind::kZram) {
      built.sizes = QUIRE_TRY(size_model(contents, machine.swap->codec));
      built.frames = std::make_unique<compress::MachinePages>(built.kernel->system().memory);
      device = QUIRE_TRY(make_zram(*machine.swap, built));
    } else {
      device =
          machine.swap->kind == SwapSpec::Kind::kBlock ? swap::block_device(pages) : swap::swap_file(pages);
    }
    if (!built.kernel->swapon(std::move(device)))
      return fail(cannot("the swap device cannot be used", "make it larger"));
  }
  if (machine.limit) {
    reclaim::Reclaimer& reclaimer = *built.kernel->reclaimer();
    built.group = reclaimer.groups().create("replay");
    reclaimer.set_max(built.group, PageCount::covering(*machine.limit));
  }
  return built;
}

}  // namespace quire::lab
