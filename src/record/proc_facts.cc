#include "record/proc_facts.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "trace/event.h"

namespace quire::record {
namespace {

constexpr std::uint64_t kTmpfsMagic = 0x01021994;
constexpr std::uint64_t kHugetlbfsMagic = 0x958458f6;

// The fields of /proc/PID/stat from the third on (what stands before may hold
// any character): field n of proc(5) is at n - 3.
std::vector<std::string> stat_fields(std::uint32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t comm_end = text.rfind(')');
  if (comm_end == std::string::npos) return {};
  std::istringstream words(text.substr(comm_end + 1));
  return {std::istream_iterator<std::string>(words), {}};
}

std::uint64_t field(const std::vector<std::string>& fields, std::size_t number) {
  return fields.size() > number - 3 ? std::strtoull(fields[number - 3].c_str(), nullptr, 10) : 0;
}

std::optional<PerfLookup::Layout> layout_of(std::uint32_t pid) {
  const auto fields = stat_fields(pid);
  PerfLookup::Layout layout;
  layout.start_brk = layout.brk = field(fields, 47);
  layout.arg_start = field(fields, 48);
  layout.env_end = field(fields, 51);
  layout.start_stack = field(fields, 28);
  if (layout.arg_start == 0) return std::nullopt;  // gone, or not ours to see
  return layout;
}

PerfLookup::FileFacts facts_of(const std::string& path, std::uint64_t inode) {
  struct stat info{};
  struct statfs system{};
  if (stat(path.c_str(), &info) != 0 || info.st_ino != inode) return {};
  PerfLookup::FileFacts facts{static_cast<std::uint64_t>(info.st_size), 0};
  if (S_ISCHR(info.st_mode)) facts.bits |= trace::FileBits::kDevice;
  if (statfs(path.c_str(), &system) != 0) return facts;
  if (static_cast<std::uint64_t>(system.f_type) == kTmpfsMagic) facts.bits |= trace::FileBits::kShmem;
  if (static_cast<std::uint64_t>(system.f_type) == kHugetlbfsMagic) facts.bits |= trace::FileBits::kHugetlb;
  return facts;
}

bool exists(std::uint32_t tid) { return access(fmt::format("/proc/{}", tid).c_str(), F_OK) == 0; }

}  // namespace

std::optional<ProcFaults> proc_faults(std::uint32_t pid) {
  const auto fields = stat_fields(pid);
  if (fields.empty()) return std::nullopt;
  return ProcFaults{field(fields, 10), field(fields, 12)};
}

PerfLookup live_lookup() { return {.file = facts_of, .layout = layout_of, .exists = exists}; }

}  // namespace quire::record
