#include "record/accessed_clearer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace quire::record {

void AccessedClearer::clear(std::span<const pid_t> pids) {
  const auto begin = Clock::now();
  std::erase_if(files_, [&](const auto& file) { return std::ranges::find(pids, file.first) == pids.end(); });
  for (const pid_t pid : pids) {
    live::UniqueFd& file = files_[pid];
    if (!file.valid())
      file = live::UniqueFd(open(fmt::format("/proc/{}/clear_refs", pid).c_str(), O_WRONLY | O_CLOEXEC));
    const bool done = file.valid() && write(file.get(), "1", 1) == 1;
    if (!done && errno != ESRCH && errno != ENOENT) ++refusals_;
  }
  ++times_;
  const auto now = Clock::now();
  spent_ += now - begin;
  next_ = now + kShare * (now - begin);
}

}  // namespace quire::record
