#include "live/process_list.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

#include "live/file_ops.h"

namespace quire::live {

namespace {

namespace fs = std::filesystem;

std::optional<pid_t> pid_of(const std::string& word) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
  if (error != std::errc() || end != word.data() + word.size() || pid <= 0) return {};
  return pid;
}

std::vector<pid_t> in_order(std::vector<pid_t> pids) {
  std::ranges::sort(pids);
  pids.erase(std::ranges::unique(pids).begin(), pids.end());
  return pids;
}

// A process of another namespace is listed as 0, and left out.
Result<void, std::errc> append_processes(const fs::path& group, std::vector<pid_t>& pids) {
  std::istringstream text(QUIRE_TRY(real_file_ops().read(group / "cgroup.procs")));
  for (std::string word; text >> word;) {
    if (const auto pid = pid_of(word)) pids.push_back(*pid);
  }
  return {};
}

}  // namespace

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
    if (const auto pid = pid_of(entry.path().filename().string())) pids.push_back(*pid);
  }
  return in_order(std::move(pids));
}

Result<std::vector<pid_t>, Diagnostic> processes_of_cgroup(const fs::path& group) {
  std::vector<pid_t> pids;
  if (const auto read = append_processes(group, pids); !read) {
    return fail(Diagnostic{.where = group.string(),
                           .what = "no control group: cgroup.procs: " + message_of(read.error()),
                           .hint = "its folder below /sys/fs/cgroup is wanted"});
  }
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(group, ignored)) {
    std::error_code gone;
    // A group below it may go meanwhile.
    if (entry.is_directory(gone)) (void)append_processes(entry.path(), pids);
  }
  return in_order(std::move(pids));
}

}  // namespace quire::live
