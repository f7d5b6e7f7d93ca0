// How HostFacts are read. All of it is small files in text.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "live/doctor/facts.h"
#include "live/file_ops.h"
#include "live/host.h"
#include "live/journal.h"

namespace quire::live::doctor {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepestGroup = 12;

// Empty when it cannot be read.
std::string text_of(const fs::path& path) { return real_file_ops().read(path).value_or(""); }

std::vector<std::string> lines_of(const fs::path& path) {
  std::istringstream text(text_of(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::end(it); it.increment(error))
    entries.push_back(it->path());
  std::ranges::sort(entries);
  return entries;
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first word is a heading; the kernel writes \040 for a space in a name.
std::vector<SwapArea> swaps_of(const fs::path& proc) {
  std::vector<SwapArea> swaps;
  for (const std::string& line : lines_of(proc / "swaps")) {
    std::istringstream words(line);
    SwapArea area;
    if (words >> area.path >> area.type && area.path.starts_with('/')) swaps.push_back(area);
  }
  return swaps;
}

ProcessFacts process_of(pid_t pid, const fs::path& folder) {
  ProcessFacts process;
  process.pid = pid;
  for (const std::string& line : lines_of(folder / "status")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, colon);
    const std::string value = chosen_word(line.substr(colon + 1));
    if (key == "Name") process.name = value;
    if (key == "PPid") process.parent = number_of<pid_t>(value).value_or(0);
    if (key == "Threads") process.threads = number_of<std::uint64_t>(value).value_or(0);
    if (key == "THP_enabled") process.thp_enabled = value != "0";
  }
  return process;
}

std::vector<ProcessFacts> processes_of(const fs::path& proc) {
  std::vector<ProcessFacts> processes;
  for (const fs::path& entry : entries_of(proc)) {
    const auto pid = number_of<pid_t>(entry.filename().string());
    if (!pid) continue;
    // One that ended meanwhile has no name.
    if (ProcessFacts process = process_of(*pid, entry); !process.name.empty()) processes.push_back(process);
  }
  std::ranges::sort(processes, {}, &ProcessFacts::pid);
  return processes;
}

// Bit 5 of a balloon's features, a text with bit 0 first: VIRTIO_BALLOON_F_REPORTING.
std::vector<std::string> reporting_balloons_of(const fs::path& sys) {
  constexpr std::size_t kReporting = 5;
  std::vector<std::string> devices;
  for (const fs::path& device : entries_of(sys / "bus/virtio/drivers/virtio_balloon")) {
    const std::string features = text_of(device / "features");
    if (features.size() > kReporting && features[kReporting] == '1')
      devices.push_back(device.filename().string());
  }
  return devices;
}

std::vector<std::string> huge_tmpfs_of(const fs::path& proc) {
  std::vector<std::string> mounts;
  for (const std::string& line : lines_of(proc / "mounts")) {
    std::istringstream words(line);
    std::string device, point, type, options;
    if (!(words >> device >> point >> type >> options) || type != "tmpfs") continue;
    const std::size_t huge = ("," + options).find(",huge=");
    if (huge == std::string::npos || options.compare(huge, 10, "huge=never") == 0) continue;
    mounts.push_back(point);
  }
  return mounts;
}

void add_groups(std::vector<GroupFacts>& groups, const fs::path& folder, const std::string& name, int depth) {
  const std::string swap_max = chosen_word(text_of(folder / "memory.swap.max"));
  if (!swap_max.empty() && swap_max != "max")
    groups.push_back({name, chosen_word(text_of(folder / "memory.max")), swap_max});
  if (depth == kDeepestGroup) return;
  for (const fs::path& entry : entries_of(folder)) {
    std::error_code ignored;
    if (fs::is_symlink(entry, ignored) || !fs::is_directory(entry, ignored)) continue;
    add_groups(groups, entry, name + "/" + entry.filename().string(), depth + 1);
  }
}

std::vector<std::string> notes_of(const HostFacts& facts, const fs::path& root) {
  std::vector<std::string> notes;
  std::error_code ignored;
  if (facts.thp.empty())
    notes.push_back(std::string(kThpRoot) + " cannot be read: no transparent huge pages, or hidden");
  if (facts.processes.empty()) notes.emplace_back("no process can be seen in /proc");
  const fs::path state = root / "run/quire";
  if (fs::exists(state / kJournalName, ignored))
    notes.emplace_back(
        "Quire has settings changed for a run at this moment: what they are is not what stays");
  if (fs::exists(state / kAppliedName, ignored))
    notes.emplace_back("a policy is applied: \"quire restore\" puts back what was before");
  return notes;
}

}  // namespace

HostFacts gather(const fs::path& root) {
  const fs::path sys = root / "sys";
  HostFacts facts;
  for (const auto& [path, text] : read_thp_state(sys / "kernel/mm/transparent_hugepage"))
    facts.thp[path] = chosen_word(text);
  facts.kernel_release = chosen_word(text_of(root / "proc/sys/kernel/osrelease"));
  facts.swaps = swaps_of(root / "proc");
  facts.processes = processes_of(root / "proc");
  facts.reporting_balloons = reporting_balloons_of(sys);
  facts.huge_tmpfs = huge_tmpfs_of(root / "proc");
  add_groups(facts.groups, sys / "fs/cgroup", "", 0);
  facts.notes = notes_of(facts, root);
  return facts;
}

}  // namespace quire::live::doctor
