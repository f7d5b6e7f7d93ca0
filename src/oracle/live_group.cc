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

// A number is the whole of its file, or behind a word in it.
struct LiveGroup::Files {
  const char* limit;
  const char* limited;
  const char* limited_word;
  const char* oom;
};

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "quire-litmus-";
constexpr auto kPause = std::chrono::milliseconds(5);
constexpr int kTries = 400;

// Where this process is, and how the limit of a group there is called.
struct Parent {
  fs::path folder;
  bool v1 = false;
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
    if (v1 || fs::exists(folder / "memory.stat")) return Parent{folder, v1};
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

// The number behind the word; without a word, the first.
std::optional<std::uint64_t> number_in(const fs::path& file, std::string_view word) {
  std::ifstream in(file);
  std::string at;
  while (in >> at) {
    if (!word.empty() && at != word) continue;
    if (!word.empty() && !(in >> at)) break;
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(at.data(), at.data() + at.size(), n);
    if (error == std::errc{} && end == at.data() + at.size()) return n;
  }
  return std::nullopt;
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
  // Not the name of the one before: that may still be on its way out.
  static unsigned made = 0;
  const fs::path folder = at->folder / fmt::format("{}{}-{}", kPrefix, ::getpid(), ++made);
  if (::mkdir(folder.c_str(), 0755) != 0) return fail(cannot(folder, live::last_errc()));
  static constexpr Files kV1{"memory.limit_in_bytes", "memory.failcnt", "", "memory.oom_control"};
  static constexpr Files kV2{"memory.max", "memory.events", "max", "memory.events"};
  std::unique_ptr<LiveGroup> group(new LiveGroup(folder, at->v1 ? kV1 : kV2));
  const std::errc refused = group->set_limit(limit);
  if (refused != std::errc{}) return fail(cannot(folder / group->files_.limit, refused));
  return group;
}

std::errc LiveGroup::set_limit(ByteCount limit) const {
  const auto written = live::real_file_ops().write(folder_ / files_.limit, std::to_string(limit.raw()));
  return written ? std::errc{} : written.error();
}

Result<LiveGroup::Events, Diagnostic> LiveGroup::events() const {
  const auto limited = number_in(folder_ / files_.limited, files_.limited_word);
  const auto kills = number_in(folder_ / files_.oom, "oom_kill");
  if (limited && kills) return Events{*limited, *kills};
  return fail(Diagnostic{Diagnostic::Kind::kFailure, (folder_ / files_.oom).string(),
                         "does not say what happened to the group", ""});
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
