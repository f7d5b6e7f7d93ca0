// record/proc_facts.h - what the tiers without BPF must ask /proc and stat.
#pragma once

#include <cstdint>
#include <optional>

#include "record/perf_assemble.h"

namespace quire::record {

// Faults of a process so far, as /proc/PID/stat tells them.
struct ProcFaults {
  std::uint64_t min_flt = 0;
  std::uint64_t maj_flt = 0;
};
[[nodiscard]] std::optional<ProcFaults> proc_faults(std::uint32_t pid);

// The running system as PerfAssembler asks it.
[[nodiscard]] PerfLookup live_lookup();

}  // namespace quire::record
