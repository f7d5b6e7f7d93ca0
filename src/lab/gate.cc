// The completeness gate: can every fault of the recorded run be accounted for?
#include <fmt/format.h>

#include <algorithm>

#include "lab/replay.h"

namespace quire::lab {
namespace {

// A handful, or one in a thousand: races between the tasks of one run.
std::uint64_t tolerance(std::uint64_t faults) { return std::max<std::uint64_t>(4, faults / 1000); }

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

}  // namespace

policy::Settings small_pages_only() {
  policy::Settings settings;
  settings.enabled = policy::GlobalEnabled::never;
  settings.size.fill(policy::SizeEnabled::never);
  return settings;
}

Result<trace::Gate, Diagnostic> compute_gate(trace::Reader& reader) {
  trace::Gate gate;
  if (!reader.summary()) {
    gate.failures.push_back("the recording was cut off: nothing tells how many faults there were");
    return gate;
  }
  const trace::Summary summary = *reader.summary();
  const ReplayResult small = QUIRE_TRY(replay(reader, {.settings = small_pages_only()}));
  gate.recorded_faults = small.touches - small.refused;
  gate.modelled_populate = small.populate_faults;
  gate.kernel_faults = summary.min_flt + summary.maj_flt;
  // What imports tell is perf's event, which leaves out what came without a fault.
  const trace::Header& header = reader.header();
  if (header.tier == trace::Tier::kImported && gate.kernel_faults != 0)
    gate.kernel_faults += small.populate_faults;
  gate.replayed_faults = small.minor_faults;
  if (gate.kernel_faults == 0) {
    const std::string from =
        header.imported_from.empty() ? "" : "imported from " + header.imported_from + ": ";
    gate.failures.push_back(from + (small.touches == 0 ? "it holds no touches of memory"
                                                       : "nothing tells how many faults the kernel counted"));
    return gate;
  }
  if (summary.lost_events != 0)
    gate.failures.push_back(fmt::format("{} events were lost", summary.lost_events));
  const std::uint64_t accounted = gate.recorded_faults + gate.modelled_populate;
  if (distance(accounted, gate.kernel_faults) > tolerance(gate.kernel_faults)) {
    gate.failures.push_back(
        fmt::format("{} faults are accounted for, the kernel counted {}", accounted, gate.kernel_faults));
  }
  if (distance(gate.replayed_faults, gate.kernel_faults) > tolerance(gate.kernel_faults)) {
    gate.failures.push_back(fmt::format("a replay with 4 KiB pages takes {} faults, the kernel counted {}",
                                        gate.replayed_faults, gate.kernel_faults));
  }
  gate.passed = gate.failures.empty();
  return gate;
}

std::string gate_warning(const trace::Reader& reader) {
  if (!reader.summary()) return "the recording was cut off; what follows covers the part that is there";
  if (!reader.summary()->gate) return "the recording has not been checked for completeness";
  const trace::Gate& gate = *reader.summary()->gate;
  if (gate.passed) return "";
  return fmt::format("the recording failed its completeness gate: {}", fmt::join(gate.failures, "; "));
}

}  // namespace quire::lab
