#include "lab/mode_sampler.h"

#include <cerrno>
#include <cstring>

namespace quire::lab {
namespace {

// Of processor time. No divisor of a tick's, so that the two do not keep step.
constexpr std::uint64_t kPeriodNs = 199'933;
// A record is 16 bytes: this holds three times what comes between two drains.
constexpr ByteCount kRing{128 << 10};

perf_event_attr looks() {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_type = PERF_SAMPLE_IDENTIFIER;
  attr.sample_period = kPeriodNs;
  attr.inherit = 1;
  attr.disabled = 1;
  attr.enable_on_exec = 1;
  return attr;
}

std::unexpected<Diagnostic> refused(int error) {
  return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "perf_event_open",
                         std::string("the program cannot be looked at: ") + std::strerror(error),
                         "run it as root"});
}

}  // namespace

Result<ModeSampler, Diagnostic> ModeSampler::watch(pid_t pid) {
  ModeSampler sampler;
  for (const int cpu : record::online_cpus()) {
    live::UniqueFd event = record::open_perf_event(looks(), pid, cpu);
    if (!event.valid()) return refused(errno);
    auto ring = record::PerfRing::map(std::move(event), kRing);
    if (!ring) return refused(ring.error());
    sampler.rings_.push_back(std::move(*ring));
  }
  return sampler;
}

void ModeSampler::drain() {
  for (record::PerfRing& ring : rings_) {
    ring.consume([&](std::span<const std::byte> record) {
      perf_event_header header{};
      std::memcpy(&header, record.data(), sizeof(header));
      if (header.type != PERF_RECORD_SAMPLE) return;
      ++looks_;
      if ((header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL) ++in_kernel_;
    });
  }
}

std::optional<double> ModeSampler::kernel_share() {
  drain();
  if (looks_ == 0) return std::nullopt;
  return static_cast<double>(in_kernel_) / static_cast<double>(looks_);
}

}  // namespace quire::lab
