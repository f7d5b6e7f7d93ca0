// Traps of processes.
#include <algorithm>
#include <charconv>
#include <utility>

#include "live/doctor/listing.h"
#include "live/doctor/traps.h"

namespace quire::live::doctor {
namespace {

const ProcessFacts* find(const HostFacts& facts, pid_t pid) {
  const auto found = std::ranges::find(facts.processes, pid, &ProcessFacts::pid);
  return found == facts.processes.end() ? nullptr : &*found;
}

bool disabled(const ProcessFacts& process) { return process.thp_enabled == false; }

// The highest of the parents that are disabled without a gap; none when its own
// parent is not.
const ProcessFacts* inherited_from(const HostFacts& facts, const ProcessFacts& process) {
  const ProcessFacts* from = nullptr;
  const ProcessFacts* parent = find(facts, process.parent);
  // A parent has a smaller number or was there first; a copy may say anything.
  for (std::size_t steps = 0; parent != nullptr && disabled(*parent) && steps < facts.processes.size();
       ++steps) {
    from = parent;
    parent = find(facts, parent->parent);
  }
  return from;
}

std::string described(const HostFacts& facts, const ProcessFacts& process) {
  std::string text = fmt::format("{} ({})", process.pid, process.name);
  if (const ProcessFacts* from = inherited_from(facts, process))
    text += fmt::format(" from {} ({})", from->pid, from->name);
  return text;
}

// 6.7 in "6.7.0-rc1".
std::pair<unsigned, unsigned> version_of(const std::string& release) {
  std::pair<unsigned, unsigned> version{0, 0};
  const char* end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, version.first);
  if (error == std::errc{} && dot != end) std::from_chars(dot + 1, end, version.second);
  return version;
}

}  // namespace

std::optional<Finding> thp_disabled_by_prctl(const HostFacts& facts) {
  std::vector<std::string> names;
  for (const ProcessFacts& process : facts.processes)
    if (disabled(process)) names.push_back(described(facts, process));
  if (names.empty()) return std::nullopt;
  return Finding{fmt::format("large folios are switched off in {} process{}: {}", names.size(),
                             names.size() == 1 ? "" : "es", listed(names)),
                 "PR_SET_THP_DISABLE beats every setting and every madvise, and is inherited by all that a "
                 "process starts, "
                 "often by a runtime that meant only itself",
                 "when not meant: start them without it, or call prctl(PR_SET_THP_DISABLE, 0) before exec; "
                 "of a service: "
                 "MemoryTHP= and the runtime's own options"};
}

std::optional<Finding> thread_stacks(const HostFacts& facts) {
  constexpr std::pair kExempt{6U, 7U};
  if (facts.kernel_release.empty() || version_of(facts.kernel_release) >= kExempt) return std::nullopt;
  if (facts.rule_of_2m() != "always") return std::nullopt;
  const auto most = std::ranges::max_element(facts.processes, {}, &ProcessFacts::threads);
  if (most == facts.processes.end()) return std::nullopt;
  return Finding{
      fmt::format("2 MiB is always on Linux {}; {} ({}) has {} thread{}", facts.kernel_release, most->pid,
                  most->name, most->threads, most->threads == 1 ? "" : "s"),
      "a thread's first touch of its stack may take 2 MiB where it needs a few KiB; Linux 6.7 and later "
      "leave "
      "mappings with MAP_STACK at small pages",
      "a newer kernel, enabled=madvise, or glibc.pthread.stack_hugetlb=0 in GLIBC_TUNABLES (glibc 2.38)"};
}

}  // namespace quire::live::doctor
