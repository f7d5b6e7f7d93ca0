#include "top/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "top/figures.h"

namespace quire::top {
namespace {

constexpr double kFewPerSecond = 1;   // folios: less is not worth a word
constexpr double kFailing = 0.10;     // of the attempts
constexpr double kManySplits = 1000;  // folios per second
constexpr ByteCount kMuch = 64_MiB;   // held for nothing
constexpr double kNotable = 0.10;     // of a process's memory
constexpr double kLittleFree = 0.05;  // of free memory, in blocks of a PMD

using Findings = std::vector<std::string>;

double rate(const Frame& frame, Order size, std::string_view name) {
  return size_counter(frame, size, name, Span::kPerSecond).value_or(0);
}

double event(const Frame& frame, std::string_view name) {
  return event_counter(frame, name, Span::kPerSecond).value_or(0);
}

double share(ByteCount part, ByteCount whole) {
  return whole.raw() == 0 ? 0 : static_cast<double>(part.raw()) / static_cast<double>(whole.raw());
}

// Why a PMD cannot be had, if it is that.
std::string about_free_blocks(const Frame& frame) {
  ByteCount free;
  for (const auto& [order, bytes] : frame.free) free += bytes;
  const auto huge = frame.free.find(kOrderPmd);
  if (free.raw() == 0 || huge == frame.free.end() || share(huge->second, free) > kLittleFree) return "";
  return fmt::format("; of {} free memory {} lies in blocks of {}", short_bytes(free),
                     short_bytes(huge->second), base::short_size(kOrderPmd.bytes()));
}

void failing_allocations(const Frame& frame, Findings& findings) {
  for (unsigned n = kPmdOrder; n > 0; --n) {
    const Order size(n);
    const double failed = rate(frame, size, "anon_fault_fallback");
    const double attempts = failed + rate(frame, size, "anon_fault_alloc");
    const double charge = rate(frame, size, "anon_fault_fallback_charge");
    const std::string name = base::short_size(size.bytes());
    if (charge >= kFewPerSecond)
      findings.push_back(
          fmt::format("{}: a cgroup's memory limit refuses {} folios/s", name, short_number(charge)));
    if (failed - charge >= kFewPerSecond && failed >= kFailing * attempts)
      findings.push_back(fmt::format("{}: {} of {} faults/s get no folio of this size{}", name,
                                     percent(failed / attempts), short_number(attempts),
                                     size == kOrderPmd ? about_free_blocks(frame) : ""));
  }
}

void swap_trouble(const Frame& frame, Findings& findings) {
  for (unsigned n = kPmdOrder; n > 0; --n) {
    const double split = rate(frame, Order(n), "swpout_fallback");
    if (split >= kFewPerSecond)
      findings.push_back(fmt::format("{}: {} folios/s are split to be swapped out: swap has no room in a row",
                                     base::short_size(Order(n).bytes()), short_number(split)));
  }
}

void stalls(const Frame& frame, Findings& findings) {
  if (const double stalled = event(frame, "compact_stall"); stalled >= kFewPerSecond)
    findings.push_back(fmt::format("{} allocations/s wait for compaction, {} of them in vain",
                                   short_number(stalled), short_number(event(frame, "compact_fail"))));
  if (const double failed = event(frame, "thp_collapse_alloc_failed"); failed >= kFewPerSecond)
    findings.push_back(
        fmt::format("khugepaged: {} times/s no memory to collapse into", short_number(failed)));
}

void splits(const Frame& frame, Findings& findings) {
  for (unsigned n = kPmdOrder; n > 0; --n) {
    const double split = rate(frame, Order(n), "split");
    if (split >= kManySplits)
      findings.push_back(fmt::format("{}: {} folios/s are split again", base::short_size(Order(n).bytes()),
                                     short_number(split)));
  }
}

void held_by_nobody(const Frame& frame, Findings& findings) {
  std::vector<const Process*> wasteful;
  for (const Process& process : frame.processes) {
    if (!process.folios || !process.folios->stranded) continue;
    const ByteCount stranded = process.folios->stranded->bytes();
    if (stranded >= kMuch && share(stranded, process.rss()) >= kNotable) wasteful.push_back(&process);
  }
  const auto waste = [](const Process* process) { return *process->folios->stranded; };
  std::ranges::sort(wasteful, std::ranges::greater(), waste);
  for (const Process* process : wasteful)
    findings.push_back(fmt::format("{} ({}): {} lie in its folios and nobody maps them", process->stat.name,
                                   process->stat.pid, short_bytes(waste(process).bytes())));
}

void partially_mapped(const Frame& frame, Findings& findings) {
  for (unsigned n = kPmdOrder; n > 0; --n) {
    const ByteCount partial = bytes_in(frame, Order(n), "nr_anon_partially_mapped");
    if (partial >= kMuch)
      findings.push_back(
          fmt::format("{}: {} lie in folios that are mapped in part: up to so much is held for "
                      "nothing",
                      base::short_size(Order(n).bytes()), short_bytes(partial)));
  }
}

}  // namespace

std::vector<std::string> findings_of(const Frame& frame) {
  Findings findings;
  failing_allocations(frame, findings);
  stalls(frame, findings);
  swap_trouble(frame, findings);
  held_by_nobody(frame, findings);
  partially_mapped(frame, findings);
  splits(frame, findings);
  return findings;
}

}  // namespace quire::top
