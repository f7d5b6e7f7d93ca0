#include "record/perf_pipeline.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace quire::record {

std::uint64_t monotonic_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

perf_event_attr task_event_attr() {
  perf_event_attr attr = common_perf_attr();
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.mmap = attr.mmap_data = attr.mmap2 = 1;
  attr.comm = attr.comm_exec = 1;
  attr.task = 1;
  return attr;
}

Result<int, int> PerfPipeline::add_ring(live::UniqueFd task_event, ByteCount size) {
  auto ring = PerfRing::map(std::move(task_event), size);
  if (!ring) return fail(ring.error());
  rings_.push_back(std::move(*ring));
  return rings_.back().fd();
}

Result<void, int> PerfPipeline::add_event(live::UniqueFd event, int ring) {
  if (ioctl(event.get(), PERF_EVENT_IOC_SET_OUTPUT, ring) != 0) return fail(errno);
  events_.push_back(std::move(event));
  return {};
}

void PerfPipeline::begin(pid_t child) {
  assembler_.emplace(static_cast<std::uint32_t>(child), live_lookup());
  before_ = proc_faults(static_cast<std::uint32_t>(child));
  begin_ns_ = monotonic_now_ns();
}

void PerfPipeline::drain(const RecordSink& sink) {
  const std::uint64_t horizon = std::exchange(last_read_ns_, monotonic_now_ns());
  read_rings();
  give_until(horizon, sink);
}

void PerfPipeline::drain_all(const RecordSink& sink) {
  read_rings();
  give_until(~0ULL, sink);
}

void PerfPipeline::read_rings() {
  for (PerfRing& ring : rings_) {
    ring.consume([this](std::span<const std::byte> record) {
      if (auto event = decoder_.decode(record)) merge_.add(std::move(*event));
    });
  }
}

void PerfPipeline::give_until(std::uint64_t horizon_ns, const RecordSink& sink) {
  if (!assembler_) return;
  if (before_) tell_what_came_before(sink);
  merge_.give_until(horizon_ns, [&](const PerfEvent& event) {
    if (event.time_ns >= begin_ns_) assembler_->feed(event, sink);  // older ones are in `before_`
  });
  if (decoder_.lost() != 0) assembler_->forget_the_dead(sink);
}

void PerfPipeline::tell_what_came_before(const RecordSink& sink) {
  qr_exec_enter r{};
  r.head.kind = QR_EXEC_ENTER;
  r.head.task = 1;
  r.min_flt = before_->min_flt;
  r.maj_flt = before_->maj_flt;
  sink(std::as_bytes(std::span(&r, 1)));
  before_.reset();
}

}  // namespace quire::record
