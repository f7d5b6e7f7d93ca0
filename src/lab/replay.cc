#include "lab/replay.h"

#include <chrono>

#include "lab/replayer.h"

namespace quire::lab {

Result<ReplayResult, Diagnostic> replay(trace::Reader& reader, const ReplayOptions& options) {
  QUIRE_TRY(reader.rewind());
  const auto begin = std::chrono::steady_clock::now();
  const auto kernel = QUIRE_TRY(
      kernel::Kernel::create({.ram = options.ram, .contents = phys::Contents::kNone}, options.settings));
  Replayer replayer(*kernel, reader.header(), options.profile ? *options.profile : cost::reference_profile(),
                    options.own);
  std::optional<TimelineSampler> timeline;
  if (options.timeline_samples != 0) {
    kernel->system().remember_reasons();
    timeline.emplace(*kernel, options.timeline_samples, reader.summary() ? reader.summary()->events : 0);
  }
  trace::Event event;
  const folio::Folios::Usage& usage = kernel->system().folios.usage();
  std::uint64_t peak_event = 0;
  for (std::uint64_t events = 1; QUIRE_TRY(reader.next(event)); ++events) {
    QUIRE_TRY(replayer.apply(event));
    if (usage.pages == usage.peak_pages) peak_event = events;
    if (timeline) timeline->after(event, replayer);
  }
  ReplayResult result = QUIRE_TRY(replayer.finish());
  result.peak_event = peak_event;
  if (timeline) result.timeline = timeline->finish();
  result.elapsed_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace quire::lab
