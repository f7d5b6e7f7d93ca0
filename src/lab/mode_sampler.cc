#include "lab/mode_sampler.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace quire::lab {
namespace {

// Of processor time. No divisor of a tick's, so that the two do not keep step.
constexpr std::uint64_t kPeriodNs = 199'933;
// A record with the kernel's callers is some 200 bytes, and 1,100 at most: this
// holds what comes between two drains twice.
constexpr ByteCount kRing{1 << 20};

perf_event_attr looks() {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_CALLCHAIN;
  attr.exclude_callchain_user = 1;
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

// Whether one of the callers that a sample's body names lies in the range. The body:
// an identifier, how many addresses, and these.
bool called_from(const CodeRange& range, std::span<const std::byte> body) {
  std::array<std::uint64_t, 2> head{};
  if (body.size() < sizeof(head)) return false;
  std::memcpy(head.data(), body.data(), sizeof(head));
  body = body.subspan(sizeof(head));
  for (std::uint64_t i = 0; i < head[1] && body.size() >= sizeof(std::uint64_t); ++i) {
    std::uint64_t ip = 0;
    std::memcpy(&ip, body.data(), sizeof(ip));
    if (range.holds(ip)) return true;
    body = body.subspan(sizeof(ip));
  }
  return false;
}

}  // namespace

Result<ModeSampler, Diagnostic> ModeSampler::watch(pid_t pid) {
  ModeSampler sampler;
  sampler.faults_in_ = fault_handler();
  for (const int cpu : record::online_cpus()) {
    live::UniqueFd event = record::open_perf_event(looks(), pid, cpu);
    if (!event.valid()) return refused(errno);
    auto ring = record::PerfRing::map(std::move(event), kRing);
    if (!ring) return refused(ring.error());
    sampler.rings_.push_back(std::move(*ring));
  }
  return sampler;
}

void ModeSampler::look(std::span<const std::byte> record) {
  perf_event_header header{};
  std::memcpy(&header, record.data(), sizeof(header));
  if (header.type != PERF_RECORD_SAMPLE) return;
  ++looks_;
  if ((header.misc & PERF_RECORD_MISC_CPUMODE_MASK) != PERF_RECORD_MISC_KERNEL) return;
  ++in_kernel_;
  if (faults_in_ && called_from(*faults_in_, record.subspan(sizeof(header)))) ++in_faults_;
}

void ModeSampler::drain() {
  for (record::PerfRing& ring : rings_)
    ring.consume([this](std::span<const std::byte> record) { look(record); });
}

std::optional<KernelShare> ModeSampler::kernel_share() {
  drain();
  if (looks_ == 0) return std::nullopt;
  const auto share = [this](std::uint64_t n) { return static_cast<double>(n) / static_cast<double>(looks_); };
  return KernelShare{.kernel = share(in_kernel_),
                     .faults = faults_in_ ? std::optional(share(in_faults_)) : std::nullopt};
}

}  // namespace quire::lab
