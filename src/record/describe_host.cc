#include "record/describe_host.h"

#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <utility>

#include "live/host.h"

namespace quire::record {
namespace {

// What the kernel starts with; the file that would tell a change is readable
// only where debugfs is mounted and open.
constexpr std::uint64_t kDefaultFaultAround = 64 << 10;

std::uint64_t fault_around_bytes() {
  std::ifstream file("/sys/kernel/debug/fault_around_bytes");
  std::uint64_t bytes = 0;
  return file >> bytes ? bytes : kDefaultFaultAround;
}

std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> rlimits() {
  static constexpr std::pair<const char*, __rlimit_resource> kLimits[] = {
      {"as", RLIMIT_AS},         {"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},
      {"data", RLIMIT_DATA},     {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK},
      {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"rss", RLIMIT_RSS},
      {"stack", RLIMIT_STACK},
  };
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> all;
  for (const auto& [name, which] : kLimits) {
    rlimit limit{};
    if (getrlimit(which, &limit) == 0) all[name] = {limit.rlim_cur, limit.rlim_max};
  }
  return all;
}

std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

std::uint64_t target_personality(live::Aslr aslr) {
  const auto now = static_cast<std::uint64_t>(static_cast<unsigned>(personality(0xffffffff)));
  return aslr == live::Aslr::kOff ? now | ADDR_NO_RANDOMIZE : now;
}

}  // namespace

trace::Header describe_host(const RecordOptions& options) {
  trace::Header header;
  header.tool_version = options.tool_version;
  const live::HostInfo host = live::describe_host();
  header.kernel_release = host.kernel_release;
  header.machine = host.machine;
  header.cpus = host.cpus;
  header.ram_bytes = host.ram.raw();
  header.page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  header.wall_clock_start = std::time(nullptr);
  header.argv = options.command;
  header.envp = environment();
  std::error_code ignored;
  header.cwd = std::filesystem::current_path(ignored).string();
  header.personality = target_personality(options.aslr);
  header.rlimits = rlimits();
  header.thp_state = live::read_thp_state();
  header.fault_around_bytes = fault_around_bytes();
  header.thp_disabled_while_recording = true;
  return header;
}

}  // namespace quire::record
