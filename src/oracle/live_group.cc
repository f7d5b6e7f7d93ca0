#include "oracle/live_group.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "live/file_ops.h"

namespace quire::litmus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "quire-litmus-";
constexpr auto kPause = std::chrono::milliseconds(5);
constexpr int kTries = 400;

// Where this process is, and how the limit of a group there is called.
struct Parent {
  fs::path folder;
  const char* limit = nullptr;
};

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

// Where a cgroup file system is mounted that has the option.
std::optional<fs::path> mounted(const std::string& type, const std::string& option) {
  std::ifstream in("/proc/mounts");
  std::string device, at, kind, options, rest;
  while (in >> device >> at >> kind >> options && std::getline(in, rest))
    if (kind == type && (option.empty() || has_word(options, option))) return at;
  return std::nullopt;
}

std::optional<Parent> parent() {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    std::istringstream parts(line);
    std::string id, controllers, path;
    if (!std::getline(parts, id, ':') || !std::getline(parts, controllers, ':') || !std::getline(parts, path))
      continue;
    const bool v1 = has_word(controllers, "memory");
    if (!v1 && !controllers.empty()) continue;
    const auto at = v1 ? mounted("cgroup", "memory") : mounted("cgroup2", "");
    if (!at) continue;
    const fs::path folder = *at / fs::path(path).relative_path();
    const char* const limit = v1 ? "memory.limit_in_bytes" : "memory.max";
    if (v1 || fs::exists(folder / "memory.stat")) return Parent{folder, limit};
  }
  return std::nullopt;
}

// Groups of a run that was killed: their programs went with it.
void remove_left_over(const fs::path& parent) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    pid_t pid = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), pid);
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) ::rmdir(entry.path().c_str());
  }
}

Diagnostic cannot(const fs::path& where, std::errc error) {
  return {Diagnostic::Kind::kPrivilege, "kernel",
          fmt::format("no group with a limit can be made: {}: {}", where.string(), live::message_of(error)),
          ""};
}

}  // namespace

Result<std::unique_ptr<LiveGroup>, Diagnostic> LiveGroup::make(ByteCount limit) {
  const auto at = parent();
  if (!at)
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "kernel", "no memory cgroups are mounted", ""});
  remove_left_over(at->folder);
  const fs::path folder = at->folder / fmt::format("{}{}", kPrefix, ::getpid());
  if (::mkdir(folder.c_str(), 0755) != 0) return fail(cannot(folder, live::last_errc()));
  std::unique_ptr<LiveGroup> group(new LiveGroup(folder));
  const auto written = live::real_file_ops().write(folder / at->limit, std::to_string(limit.raw()));
  if (!written) return fail(cannot(folder / at->limit, written.error()));
  return group;
}

// A process that has just been waited for may still be on its way out.
LiveGroup::~LiveGroup() {
  for (int i = 0; i < kTries && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++i)
    std::this_thread::sleep_for(kPause);
}

Result<void, Diagnostic> LiveGroup::add(pid_t pid) const {
  const auto written = live::real_file_ops().write(folder_ / "cgroup.procs", std::to_string(pid));
  if (!written) return fail(cannot(folder_ / "cgroup.procs", written.error()));
  return {};
}

}  // namespace quire::litmus
