// lab/mode_sampler.h - which part of a program's processor time the kernel took, and
// which of that its page faults.
//
// Linux tells system time from user time by what it interrupts at its ticks, 250
// a second on many hosts: of a program's 20 ms in the kernel it sees five. This
// looks in the same way 5,000 times a second, by a timer that runs only while the
// program does (PERF_COUNT_SW_CPU_CLOCK, no counter of the processor is needed).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lab/fault_handler.h"
#include "quire/result.h"
#include "record/perf_ring.h"

namespace quire::lab {

// Parts of a program's processor time.
struct KernelShare {
  double kernel = 0;
  std::optional<double> faults;  // part of `kernel`; nothing where the kernel's functions are not known
};

// States      : Waiting (for the exec of the process) -> Looking, until it is gone
// Owns        : one event and its ring a processor
class ModeSampler {
 public:
  // Between two calls of drain() no ring runs over.
  static constexpr std::chrono::milliseconds kDrainEvery{100};

  // From the exec of this process on, it and all that it will have started.
  // kPrivilege when the host refuses.
  [[nodiscard]] static Result<ModeSampler, Diagnostic> watch(pid_t pid);

  void drain();
  // Of all looks so far those that found the kernel at work; nothing without any.
  [[nodiscard]] std::optional<KernelShare> kernel_share();

 private:
  ModeSampler() = default;
  void look(std::span<const std::byte> record);
  std::vector<record::PerfRing> rings_;
  std::optional<CodeRange> faults_in_;  // looked up before the program begins: the table of symbols is long
  std::uint64_t in_kernel_ = 0;
  std::uint64_t in_faults_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace quire::lab
