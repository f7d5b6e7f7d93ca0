#include "live/process_stat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

#include "live/file_ops.h"

namespace quire::live {
namespace {

constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD

std::chrono::nanoseconds of_ticks(std::uint64_t ticks) {
  static const auto kPerSecond = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  return std::chrono::nanoseconds(ticks * (std::nano::den / kPerSecond));
}

}  // namespace

// "12 (name) S 1 ...": a name can have parentheses and spaces.
std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t name_begin = text.find('(');
  const std::size_t name_end = text.rfind(')');
  if (name_begin == std::string_view::npos || name_end == std::string_view::npos || name_end < name_begin)
    return std::nullopt;
  ProcessStat stat;
  stat.name = text.substr(name_begin + 1, name_end - name_begin - 1);
  std::istringstream first{std::string(text.substr(0, name_begin))};
  std::istringstream words{std::string(text.substr(name_end + 1))};
  std::string skipped;
  std::uint64_t flags = 0, user = 0, system = 0, resident = 0;
  first >> stat.pid;
  words >> stat.state >> stat.parent;
  for (int i = 0; i < 4; ++i) words >> skipped;  // group, session, terminal, its group
  words >> flags >> stat.minor_faults >> skipped >> stat.major_faults >> skipped >> user >> system;
  for (int i = 0; i < 4; ++i) words >> skipped;  // times of children, priority, nice
  words >> stat.threads >> skipped >> stat.started >> skipped >> resident;
  if (!first || !words) return std::nullopt;
  stat.of_kernel = (flags & kKernelThread) != 0;
  stat.cpu = of_ticks(user + system);
  stat.resident = PageCount(resident);
  return stat;
}

std::optional<ProcessStat> read_process_stat(pid_t pid) {
  return parse_process_stat(real_file_ops().read(fmt::format("/proc/{}/stat", pid)).value_or(""));
}

}  // namespace quire::live
