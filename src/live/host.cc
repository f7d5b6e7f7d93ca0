#include "live/host.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "base/size.h"
#include "live/bpf_error.h"
#include "live/file_ops.h"
#include "live/unique_fd.h"

namespace quire::live {

namespace {

namespace fs = std::filesystem;

Capability yes() { return {true, ""}; }
Capability no(std::string reason) { return {false, std::move(reason)}; }

// Counters change on their own; a size's shmem rule is not ours to set.
bool is_setting(const fs::path& relative) {
  static constexpr std::array kFigures{"full_scans", "pages_collapsed", "hpage_pmd_size"};
  for (const char* figure : kFigures) {
    if (relative.filename() == figure) return false;
  }
  return relative.parent_path().filename() != "stats";
}

ByteCount ram_of_host() {
  struct sysinfo info{};
  if (::sysinfo(&info) != 0) return {};
  return ByteCount(static_cast<std::uint64_t>(info.totalram) * info.mem_unit);
}

}  // namespace

std::string chosen_word(const std::string& raw) {
  const auto open = raw.find('[');
  const auto close = raw.find(']', open == std::string::npos ? 0 : open);
  if (open != std::string::npos && close != std::string::npos) return raw.substr(open + 1, close - open - 1);
  const auto begin = raw.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  return raw.substr(begin, raw.find_last_not_of(" \t\n") - begin + 1);
}

ThpState read_thp_state(const fs::path& root) {
  ThpState state;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(root, error); !error && it != fs::end(it);
       it.increment(error)) {
    const fs::path relative = it->path().lexically_relative(root);
    std::error_code ignored;
    if (!it->is_regular_file(ignored) || !is_setting(relative)) continue;
    if (const auto text = real_file_ops().read(it->path())) {
      state[relative.string()] = text->substr(0, text->find_last_not_of('\n') + 1);
    }
  }
  return state;
}

OrderSet anon_orders_of(const fs::path& root) {
  OrderSet orders;
  for (unsigned order = 0; order <= kPmdOrder; ++order) {
    std::error_code ignored;
    const auto dir = root / fmt::format("hugepages-{}", base::sysfs_size(Order(order)));
    if (fs::exists(dir / "enabled", ignored)) orders = orders | OrderSet::of(Order(order));
  }
  return orders;
}

Capability probe_bpf() {
  // "return 0", attached to nothing: loading it is the question.
  std::array<bpf_insn, 2> program{};
  program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  program[1].code = BPF_JMP | BPF_EXIT;
  const int fd = ::bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "quire_probe", "GPL", program.data(),
                                 program.size(), nullptr);
  if (fd < 0) return no(bpf_refusal(errno));
  ::close(fd);
  return yes();
}

Capability probe_tracepoints() {
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), btf__free);
  if (!types) return no("no kernel type information: /sys/kernel/btf/vmlinux is missing or unreadable");
  for (const char* event : {"mm_page_alloc", "mm_page_free", "rss_stat", "sched_process_fork", "sched_process_exec",
                            "sched_process_exit", "sys_enter"}) {
    const std::string type = std::string("btf_trace_") + event;
    if (btf__find_by_name_kind(types.get(), type.c_str(), BTF_KIND_TYPEDEF) < 0) {
      return no(fmt::format("this kernel has no tracepoint {}", event));
    }
  }
  return yes();
}

Capability probe_page_frames() {
  const UniqueFd flags(::open("/proc/kpageflags", O_RDONLY | O_CLOEXEC));
  if (!flags.valid()) return no("/proc/kpageflags: " + message_of(last_errc()));
  const UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap.valid()) return no("/proc/self/pagemap: " + message_of(last_errc()));
  const int on_stack = 0;
  std::uint64_t word = 0;
  const auto offset = static_cast<off_t>((reinterpret_cast<std::uintptr_t>(&on_stack) >> kPageShift) * 8);
  if (::pread(pagemap.get(), &word, sizeof word, offset) != sizeof word) {
    return no("/proc/self/pagemap: " + message_of(last_errc()));
  }
  constexpr std::uint64_t kFrameBits = (1ULL << 55) - 1;
  return (word & kFrameBits) != 0 ? yes() : no("pagemap hides frame numbers: needs CAP_SYS_ADMIN");
}

HostInfo describe_host() {
  HostInfo host;
  utsname names{};
  if (::uname(&names) == 0) {
    host.kernel_release = names.release;
    host.machine = names.machine;
  }
  host.cpus = static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  host.ram = ram_of_host();
  return host;
}

}  // namespace quire::live
