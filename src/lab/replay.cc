#include "lab/replay.h"

#include <algorithm>
#include <chrono>

#include "lab/replay_steps.h"

namespace quire::lab {
namespace {

// Peaks of swap are looked for after so many events.
constexpr std::uint64_t kPeakStep = 256;

// What was most of what swap took.
struct Peaks {
  PageCount swap_used;
  ByteCount zram;
  ByteCount zswap;

  void look(const BuiltMachine& built) {
    swap_used = std::max(swap_used, built.kernel->system().swap.used());
    PageCount pools;
    for (const swap::Zram* const device : built.zrams) pools += device->pool()->total_pages();
    zram = std::max(zram, pools.bytes());
    if (const auto& front = built.kernel->system().zswap)
      zswap = std::max(zswap, front->frames_used().bytes());
  }
  void put(const BuiltMachine& built, Pressure& into) {
    look(built);
    into.peak_swap_used = swap_used;
    into.peak_zram_memory = zram;
    into.peak_zswap_memory = zswap;
    if (const auto& front = built.kernel->system().zswap) {
      const swap::ZswapStats stats = front->stats();
      into.zswap_stored = PageCount(stats.stored_pages).bytes();
      into.zswap_memory = stats.pool_total_size;
      into.zswap_limit_hits = stats.pool_limit_hit;
    }
    for (const swap::Zram* const device : built.zrams) {
      const swap::ZramStats stats = device->stats();
      into.zram_stored += stats.orig_data_size;
      into.zram_compressed += stats.compr_data_size;
      into.zram_memory += stats.mem_used_total;
    }
  }
};

}  // namespace

Machine machine_of(const ReplayOptions& options) {
  Machine machine = options.machine.value_or(Machine{});
  if (!options.machine) machine.ram = options.ram;
  return machine;
}

Result<ReplayResult, Diagnostic> replay(trace::Reader& reader, const ReplayOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto steps = QUIRE_TRY(ReplaySteps::begin(reader, options));
  kernel::Kernel& kernel = steps->kernel();
  std::optional<TimelineSampler> timeline;
  if (options.timeline_samples != 0) {
    kernel.system().remember_reasons();
    timeline.emplace(kernel, options.timeline_samples, reader.summary() ? reader.summary()->events : 0);
  }
  const folio::Folios::Usage& usage = kernel.system().folios.usage();
  std::uint64_t peak_event = 0;
  Peaks peaks;
  while (QUIRE_TRY(steps->next())) {
    if (usage.pages == usage.peak_pages) peak_event = steps->number();
    if (steps->number() % kPeakStep == 0 && steps->machine().has_pressure()) peaks.look(steps->built());
    if (timeline) timeline->after(steps->event(), steps->replayer());
  }
  ReplayResult result = QUIRE_TRY(steps->replayer().finish());
  result.peak_event = peak_event;
  if (result.pressure) peaks.put(steps->built(), *result.pressure);
  if (timeline) result.timeline = timeline->finish();
  result.elapsed_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace quire::lab
