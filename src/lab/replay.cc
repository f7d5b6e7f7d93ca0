#include "lab/replay.h"

#include <algorithm>
#include <chrono>

#include "lab/machine_setup.h"
#include "lab/replayer.h"

namespace quire::lab {
namespace {

// Peaks of swap are looked for after so many events.
constexpr std::uint64_t kPeakStep = 256;

// What was most of what swap took.
struct Peaks {
  PageCount swap_used;
  ByteCount zram;

  void look(const BuiltMachine& built) {
    swap_used = std::max(swap_used, built.kernel->system().swap.used());
    if (built.zram != nullptr) zram = std::max(zram, built.zram->pool()->total_pages().bytes());
  }
  void put(const BuiltMachine& built, Pressure& into) {
    look(built);
    into.peak_swap_used = swap_used;
    into.peak_zram_memory = zram;
    if (built.zram == nullptr) return;
    const swap::ZramStats stats = built.zram->stats();
    into.zram_stored = stats.orig_data_size;
    into.zram_compressed = stats.compr_data_size;
    into.zram_memory = stats.mem_used_total;
  }
};

}  // namespace

Machine machine_of(const ReplayOptions& options) {
  Machine machine = options.machine.value_or(Machine{});
  if (!options.machine) machine.ram = options.ram;
  if (options.fragmentation.chance > 0) machine.fragmentation = options.fragmentation;
  return machine;
}

Result<ReplayResult, Diagnostic> replay(trace::Reader& reader, const ReplayOptions& options) {
  QUIRE_TRY(reader.rewind());
  const auto begin = std::chrono::steady_clock::now();
  const Machine machine = machine_of(options);
  const BuiltMachine built = QUIRE_TRY(build_machine(machine, options.settings, reader.contents()));
  kernel::Kernel* const kernel = built.kernel.get();
  Replayer replayer(*kernel, reader.header(), options.profile ? *options.profile : cost::reference_profile(),
                    options.own);
  replayer.put_into(built.group);
  std::optional<TimelineSampler> timeline;
  if (options.timeline_samples != 0) {
    kernel->system().remember_reasons();
    timeline.emplace(*kernel, options.timeline_samples, reader.summary() ? reader.summary()->events : 0);
  }
  trace::Event event;
  const folio::Folios::Usage& usage = kernel->system().folios.usage();
  std::uint64_t peak_event = 0;
  Peaks peaks;
  for (std::uint64_t events = 1; QUIRE_TRY(reader.next(event)); ++events) {
    QUIRE_TRY(replayer.apply(event));
    if (usage.pages == usage.peak_pages) peak_event = events;
    if (events % kPeakStep == 0 && machine.has_pressure()) peaks.look(built);
    if (timeline) timeline->after(event, replayer);
  }
  ReplayResult result = QUIRE_TRY(replayer.finish());
  result.peak_event = peak_event;
  if (result.pressure) peaks.put(built, *result.pressure);
  if (timeline) result.timeline = timeline->finish();
  result.elapsed_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace quire::lab
