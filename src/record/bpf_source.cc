#include "record/bpf_source.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "live/unique_fd.h"
#include "record/page_walker.h"
#include "record/ring_record.h"
#include "record/syscall_table.h"
#include "recorder.skel.h"

namespace quire::record {
namespace {

constexpr std::uint64_t kSmallestRing = 1 << 20;

struct CloseSkeleton {
  void operator()(recorder_bpf* skeleton) const { recorder_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<recorder_bpf, CloseSkeleton>;

struct FreeRing {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

// As recorder.bpf.c keeps it of each task.
struct TaskState {
  std::uint32_t id;
  std::uint32_t pad;
  std::uint64_t mm;
  std::uint64_t shm_length;
};

Diagnostic refused(std::string_view what, int error) {
  return {.kind = Diagnostic::Kind::kPrivilege,
          .where = "BPF",
          .what = fmt::format("{}: {}", what, std::strerror(error)),
          .hint = "run as root on a kernel of 6.7 or later with type information (BTF)"};
}

int be_silent(libbpf_print_level, const char*, va_list) { return 0; }

void fill_syscall_tables(recorder_bpf& skeleton) {
  for (const KeptSyscall& call : kept_syscalls()) {
    const auto sys = static_cast<std::uint8_t>(call.sys);
    skeleton.rodata->sys_at_exit[call.number] = sys;
    if (call.when == When::kEnterAndExit) skeleton.rodata->sys_at_enter[call.number] = sys;
  }
  skeleton.rodata->sys_at_enter[SYS_execve] = kExecveMark;
  skeleton.rodata->sys_at_enter[SYS_execveat] = kExecveMark;
}

// One attempt to load with a ring of this size. Gives the errno of a refusal.
Result<Skeleton, int> try_load(std::uint64_t ring_bytes) {
  Skeleton skeleton(recorder_bpf__open());
  if (skeleton == nullptr) return fail(errno);
  fill_syscall_tables(*skeleton);
  if (const int error = bpf_map__set_max_entries(skeleton->maps.ring, static_cast<std::uint32_t>(ring_bytes));
      error != 0) {
    return fail(-error);
  }
  if (const int error = recorder_bpf__load(skeleton.get()); error != 0) return fail(-error);
  return skeleton;
}

Result<Skeleton, Diagnostic> load(ByteCount ring_bytes) {
  std::uint64_t size = kSmallestRing;  // a power of two, as the kernel wants it
  while (size < ring_bytes.raw() && size < (1ULL << 30)) size *= 2;
  for (;; size /= 2) {
    auto skeleton = try_load(size);
    if (skeleton) return std::move(*skeleton);
    const bool too_large = skeleton.error() == ENOMEM || skeleton.error() == E2BIG;
    if (!too_large || size == kSmallestRing)
      return fail(refused("the program cannot be loaded", skeleton.error()));
  }
}

class BpfSource final : public Source {
 public:
  explicit BpfSource(Skeleton skeleton) : skeleton_(std::move(skeleton)) {}

  [[nodiscard]] trace::Tier tier() const override { return trace::Tier::kBpf; }

  [[nodiscard]] std::vector<std::string> lacks() const override {
    return {
        "pages put in without a fault by direct I/O, vmsplice, io_uring buffers or another process have no "
        "address"};
  }

  Result<void, Diagnostic> attach() {
    if (const int error = recorder_bpf__attach(skeleton_.get()); error != 0) {
      return fail(refused("the tracepoints cannot be attached to", -error));
    }
    ring_.reset(ring_buffer__new(bpf_map__fd(skeleton_->maps.ring), &BpfSource::on_record, this, nullptr));
    if (ring_ == nullptr) return fail(refused("the ring cannot be mapped", errno));
    return {};
  }

  Result<void, Diagnostic> follow(pid_t child) override {
    const live::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    if (!pidfd.valid()) return fail(refused("the child cannot be named", errno));
    const int key = pidfd.get();
    const TaskState state{.id = 1, .pad = 0, .mm = 0, .shm_length = 0};
    if (bpf_map__update_elem(skeleton_->maps.tasks, &key, sizeof(key), &state, sizeof(state), BPF_ANY) != 0) {
      return fail(refused("the child cannot be followed", errno));
    }
    return {};
  }

  Result<void, Diagnostic> watch_accessed() override {
    walker_ =
        QUIRE_TRY(PageWalker::create(bpf_map__fd(skeleton_->maps.ring), bpf_map__fd(skeleton_->maps.tasks)));
    return {};
  }
  void look_at_accessed(std::uint64_t number) override { walker_->look(number); }

  void drain(const RecordSink& sink) override {
    sink_ = &sink;
    ring_buffer__consume(ring_.get());
    sink_ = nullptr;
  }

  // The BPF program counts atomically, from other cpus.
  [[nodiscard]] std::uint64_t lost() const override {
    return read(skeleton_->bss->lost) + read(skeleton_->bss->untracked);
  }
  [[nodiscard]] std::uint64_t alive() const override {
    const std::uint64_t exited = read(skeleton_->bss->exited);
    return 1 + read(skeleton_->bss->started) - exited;
  }

  [[nodiscard]] std::vector<std::string> notes() const override {
    std::vector<std::string> notes;
    if (const auto n = read(skeleton_->bss->untracked); n != 0) {
      notes.push_back(fmt::format("{} tasks could not be followed", n));
    }
    if (const auto n = read(skeleton_->bss->compat_calls); n != 0) {
      notes.push_back(fmt::format("{} system calls of 32-bit programs were not understood", n));
    }
    if (walker_) {
      for (std::string& note : walker_->notes()) notes.push_back(std::move(note));
    }
    return notes;
  }

 private:
  static std::uint64_t read(const unsigned long long& counter) {
    return __atomic_load_n(&counter, __ATOMIC_ACQUIRE);
  }

  static int on_record(void* self, void* data, std::size_t size) {
    (*static_cast<BpfSource*>(self)->sink_)({static_cast<const std::byte*>(data), size});
    return 0;
  }

  Skeleton skeleton_;
  std::unique_ptr<ring_buffer, FreeRing> ring_;
  std::optional<PageWalker> walker_;
  const RecordSink* sink_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Source>, Diagnostic> make_bpf_source(ByteCount ring_bytes) {
  libbpf_set_print(be_silent);  // its lines are for its own developers; ours name the cause
  auto source = std::make_unique<BpfSource>(QUIRE_TRY(load(ring_bytes)));
  QUIRE_TRY(source->attach());
  return source;
}

}  // namespace quire::record
