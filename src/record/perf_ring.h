// record/perf_ring.h - perf events that write to one ring each processor.
#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "live/unique_fd.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::record {

// perf_event_open(2). Invalid with errno set when refused.
[[nodiscard]] live::UniqueFd open_perf_event(perf_event_attr attr, pid_t pid, int cpu);

// What all events of a recording have in common: task and time on every record,
// the monotonic clock, inheritance by children.
[[nodiscard]] perf_event_attr common_perf_attr();

// The numbers of the processors that are on.
[[nodiscard]] std::vector<int> online_cpus();

// The mapped ring of one event, to which others may be redirected.
//
// Owns : the event's descriptor and the mapping
class PerfRing {
 public:
  // Tries smaller rings, down to 128 KiB, when this size is refused.
  [[nodiscard]] static Result<PerfRing, int> map(live::UniqueFd event, ByteCount size);

  PerfRing(PerfRing&& other) noexcept;
  PerfRing& operator=(PerfRing&&) = delete;
  ~PerfRing();

  [[nodiscard]] int fd() const { return event_.get(); }
  // Each record that is complete, header first, in one piece; then frees it.
  void consume(const std::function<void(std::span<const std::byte>)>& take);

 private:
  PerfRing(live::UniqueFd event, void* base, std::size_t data_bytes)
      : event_(std::move(event)), base_(base), data_bytes_(data_bytes) {}

  live::UniqueFd event_;
  void* base_ = nullptr;
  std::size_t data_bytes_ = 0;
  std::vector<std::byte> joined_;  // a record that wraps round
};

}  // namespace quire::record
