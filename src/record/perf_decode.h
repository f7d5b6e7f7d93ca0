// record/perf_decode.h - reads the kernel's perf records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "record/perf_event.h"
#include "record/tracefs.h"

namespace quire::record {

// The x86 page-fault error code as trace::TouchBits.
[[nodiscard]] std::uint8_t touch_bits_of_error(std::uint64_t error);

// Decodes records of events made with common_perf_attr() (samples: with
// PERF_SAMPLE_RAW of the tracepoints given here, or PERF_SAMPLE_ADDR alone).
class PerfDecoder {
 public:
  // What a sample of a tracepoint is.
  struct Tracepoint {
    enum class Role : std::uint8_t { kFaultUser, kFaultKernel, kEnter, kReturn, kFaultAround };
    Role role{};
    TracepointFormat format;
  };

  // With kAddress the only samples are software page faults of user mode.
  enum class Samples : std::uint8_t { kRaw, kAddress };
  explicit PerfDecoder(Samples samples) : samples_(samples) {}

  void add(Tracepoint tracepoint) { tracepoints_[tracepoint.format.id] = std::move(tracepoint); }

  // One record; nothing for those of no interest and those that are damaged.
  [[nodiscard]] std::optional<PerfEvent> decode(std::span<const std::byte> record);

  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  [[nodiscard]] std::optional<PerfEvent> sample(std::span<const std::byte> body) const;
  [[nodiscard]] bool raw(PerfEvent& event, std::span<const std::byte> data) const;

  Samples samples_;
  std::map<std::uint64_t, Tracepoint> tracepoints_;  // by id
  std::uint64_t lost_ = 0;
};

}  // namespace quire::record
