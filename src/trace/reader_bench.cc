// How fast a recording is written and read: events per second, on one core,
// from bytes in memory (decompression and checksums included).
#include <benchmark/benchmark.h>

#include "base/rng.h"
#include "trace/test_recording.h"

namespace quire::trace {
namespace {

using namespace testing;

enum Shape { kSequential, kNear, kRandom, kFourTasks };

// A million touches of one shape, 0 to 3 microseconds apart.
std::vector<Event> touches(Shape shape) {
  base::Rng rng(1);
  std::vector<Event> events;
  std::uint64_t page = 0x7f0000000;
  std::uint64_t time = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    time += rng.below(4);
    TaskId task = 1;
    switch (shape) {
      case kSequential:
        ++page;
        break;
      case kNear:
        page += rng.below(16);
        break;
      case kRandom:
        page = 0x7f0000000 + rng.below(1U << 22);
        break;
      case kFourTasks:
        task = static_cast<TaskId>(1 + rng.below(4));
        page = 0x7f0000000 + task * 0x10000 + i;
        break;
    }
    const std::uint64_t offset = shape == kSequential ? 0 : rng.below(512) * 8;
    events.push_back(touch(task, 1, (page << 12) + offset, time));
  }
  return events;
}

void read_recording(benchmark::State& state, Shape shape) {
  const auto events = touches(shape);
  const auto bytes = recording_bytes(events, full_summary());
  auto reader = Reader::from_bytes(bytes);
  Event event;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    (void)reader->rewind();
    while (reader->next(event).value()) sum += event.addr.raw();
  }
  benchmark::DoNotOptimize(sum);
  const auto count = static_cast<double>(events.size());
  state.counters["events/s"] = benchmark::Counter(count, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes/event"] = static_cast<double>(bytes.size()) / count;
}

void record_to_file(benchmark::State& state, Shape shape) {
  const auto events = touches(shape);
  const TempDir dir;
  for (auto _ : state) {
    std::filesystem::remove(dir.file("r"));
    write_recording(dir.file("r"), full_header(), events, full_summary());
  }
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(events.size()), benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK_CAPTURE(read_recording, sequential, kSequential)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_recording, near, kNear)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_recording, random, kRandom)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_recording, four_tasks, kFourTasks)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(record_to_file, sequential, kSequential)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(record_to_file, near, kNear)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(record_to_file, random, kRandom)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(record_to_file, four_tasks, kFourTasks)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quire::trace
