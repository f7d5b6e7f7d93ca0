#include "live/tree_program.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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

int note_end(void*, void*, std::size_t) { return 0; }

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
  counts.cpu_ns = bss.cpu_ns;
  counts.tasks = bss.tasks;
  return counts;
}

}  // namespace quire::live
