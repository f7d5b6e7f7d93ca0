#include "live/tree_program.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>

#include "live/bpf_error.h"
#include "live/gfp_bits.h"
#include "live/unique_fd.h"
#include "tree_counter.skel.h"

namespace quire::live {

namespace {

// As the BPF program declares it.
struct Member {
  std::uint64_t pending, min_flt_base, maj_flt_base, cpu_ns_base;
  std::uint32_t pid;
  std::uint8_t pending_order, counted_order, started, is_command;
};

Diagnostic refused(int error) {
  return {Diagnostic::Kind::kPrivilege, "BPF", bpf_refusal(error),
          "counting per process tree needs it; run as root"};
}

using Types = std::unique_ptr<btf, decltype(&btf__free)>;

// The numbers of this kernel that the program needs.
Result<void, Diagnostic> configure(tree_counter_bpf& program) {
  const Types types(btf__load_vmlinux_btf(), btf__free);
  if (!types) {
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "/sys/kernel/btf/vmlinux",
                           "the kernel's type information is missing or unreadable", ""});
  }
  program.rodata->thp_gfp_bits = QUIRE_TRY(gfp_bits(*types, kThpGfpNames));
  if (QUIRE_TRY(enumerator(*types, "MM_ANONPAGES")) != 1 ||
      QUIRE_TRY(enumerator(*types, "SCAN_SUCCEED")) != 1) {
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "/sys/kernel/btf/vmlinux",
                           "MM_ANONPAGES or SCAN_SUCCEED is not 1 in this kernel", ""});
  }
  const bool collapse =
      btf__find_by_name_kind(types.get(), "btf_trace_mm_collapse_huge_page", BTF_KIND_TYPEDEF) >= 0;
  bpf_program__set_autoload(program.progs.on_collapse, collapse);
  struct stat ns{};
  if (::stat("/proc/self/ns/pid", &ns) != 0) return fail(refused(errno));
  program.rodata->pidns_dev = ns.st_dev;
  program.rodata->pidns_ino = ns.st_ino;
  return {};
}

// Learns where each cpu keeps its part of a counter, so that the peak can be
// summed exactly; does nothing on a host with more cpus than that is worth.
Result<void, Diagnostic> find_cpus(tree_counter_bpf& program) {
  auto& bss = *program.bss;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0 || static_cast<std::size_t>(cpus) > std::size(bss.cpu_offset)) return {};
  bpf_map_info info{};
  __u32 size = sizeof info;
  if (bpf_obj_get_info_by_fd(bpf_map__fd(program.maps.here), &info, &size) != 0) return fail(refused(errno));
  bss.here_id = info.id;
  const UniqueFd walk(bpf_iter_create(bpf_link__fd(program.links.find_cpus)));
  std::array<char, 64> nothing;
  while (walk.valid() && ::read(walk.get(), nothing.data(), nothing.size()) > 0) {
  }
  const auto count = static_cast<std::uint32_t>(cpus);
  for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
    if (bss.here_address[cpu] == 0) return {};
    bss.cpu_offset[cpu] = bss.here_address[cpu] - bss.here_percpu;
  }
  bss.summed_cpus = count;
  return {};
}

int note_end(void*, void*, std::size_t) { return 0; }

std::uint64_t kept(const TreeCounts& counts) {
  return std::accumulate(counts.folios_by_order.begin(), counts.folios_by_order.end(), counts.collapsed);
}

int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); }

}  // namespace

struct TreeProgram::State {
  std::unique_ptr<tree_counter_bpf, decltype(&tree_counter_bpf__destroy)> program{nullptr,
                                                                                  tree_counter_bpf__destroy};
  std::unique_ptr<ring_buffer, decltype(&ring_buffer__free)> gone{nullptr, ring_buffer__free};

  [[nodiscard]] std::int64_t live() const {
    return __atomic_load_n(&program->bss->live_tasks, __ATOMIC_ACQUIRE);
  }
};

TreeProgram::TreeProgram(std::unique_ptr<State> state) : state_(std::move(state)) {}
TreeProgram::TreeProgram(TreeProgram&&) noexcept = default;
TreeProgram::~TreeProgram() = default;

Result<TreeProgram, Diagnostic> TreeProgram::attach() {
  silence_libbpf();
  auto state = std::make_unique<State>();
  state->program.reset(tree_counter_bpf__open());
  if (!state->program) return fail(refused(errno));
  QUIRE_TRY(configure(*state->program));
  if (const int error = tree_counter_bpf__load(state->program.get()); error != 0)
    return fail(refused(-error));
  if (const int error = tree_counter_bpf__attach(state->program.get()); error != 0) {
    return fail(refused(-error));
  }
  QUIRE_TRY(find_cpus(*state->program));
  state->gone.reset(ring_buffer__new(bpf_map__fd(state->program->maps.gone), note_end, nullptr, nullptr));
  if (!state->gone) return fail(refused(errno));
  return TreeProgram(std::move(state));
}

void TreeProgram::watch(pid_t pid) {
  __atomic_store_n(&state_->program->bss->command_pid, static_cast<std::uint32_t>(pid), __ATOMIC_RELEASE);
}

void TreeProgram::command_started() {
  bpf_link__destroy(state_->program->links.on_sys_enter);
  state_->program->links.on_sys_enter = nullptr;
}

TreeProgram::Wait TreeProgram::wait_until_empty(std::optional<Clock::time_point> deadline) {
  while (state_->live() > 0) {
    int milliseconds = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
      if (left.count() <= 0) return Wait::deadline;
      milliseconds = static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000));
    }
    ring_buffer__poll(state_->gone.get(), milliseconds);
  }
  return Wait::empty;
}

void TreeProgram::kill_all() {
  const bpf_map* members = state_->program->maps.members;
  std::uint64_t key = 0;
  const std::uint64_t* previous = nullptr;
  while (bpf_map__get_next_key(members, previous, &key, sizeof key) == 0) {
    previous = &key;
    Member member{};
    if (bpf_map__lookup_elem(members, &key, sizeof key, &member, sizeof member, 0) != 0) continue;
    const UniqueFd process(pidfd_open(static_cast<pid_t>(member.pid)));
    // Still a member with the descriptor open: so it names this process and no
    // later one of the same number.
    if (!process.valid() || bpf_map__lookup_elem(members, &key, sizeof key, &member, sizeof member, 0) != 0) {
      continue;
    }
    ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0U);
  }
}

Result<TreeCounts, Diagnostic> TreeProgram::counts() const {
  const auto& bss = *state_->program->bss;
  if (bss.lost_tasks != 0) {
    return fail(Diagnostic{Diagnostic::Kind::kFailure, "tree counter",
                           fmt::format("{} tasks could not be followed: too many at once", bss.lost_tasks),
                           ""});
  }
  TreeCounts counts;
  std::copy(std::begin(bss.folios), std::end(bss.folios), counts.folios_by_order.begin());
  counts.collapsed = bss.collapsed;
  counts.other_large = bss.other_large;
  counts.min_flt = bss.min_flt;
  counts.maj_flt = bss.maj_flt;
  counts.peak_rss = PageCount(bss.peak_rss_pages).bytes();
  counts.peak_rss_exact = bss.summed_cpus != 0;
  const std::uint64_t asked = bss.asked;
  counts.given_back = asked - std::min(asked, kept(counts));
  counts.cpu_ns = bss.cpu_ns;
  counts.tasks = bss.tasks;
  return counts;
}

}  // namespace quire::live
