#include "record/perf_source.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "record/perf_decode.h"
#include "record/perf_pipeline.h"
#include "record/perf_ring.h"
#include "record/syscall_table.h"
#include "record/tracefs.h"

namespace quire::record {
namespace {

using Role = PerfDecoder::Tracepoint::Role;

Diagnostic refused(std::string_view what, int error) {
  return {.kind = Diagnostic::Kind::kPrivilege,
          .where = "perf",
          .what = fmt::format("{}: {}", what, std::strerror(error)),
          .hint = "run as root, or with CAP_PERFMON and a readable tracefs"};
}

struct Wanted {
  const char* name;
  Role role;
  bool required;
};
constexpr Wanted kWanted[] = {
    {"exceptions/page_fault_user", Role::kFaultUser, true},
    {"exceptions/page_fault_kernel", Role::kFaultKernel, true},
    {"raw_syscalls/sys_enter", Role::kEnter, true},
    {"raw_syscalls/sys_exit", Role::kReturn, true},
    {"filemap/mm_filemap_map_pages", Role::kFaultAround, false},
};

// "id == 9 || id == 11 ...": the calls that are kept, and at their beginning
// those that tell how a child is made.
std::string syscall_filter(Role role) {
  std::vector<unsigned> numbers;
  for (const KeptSyscall& call : kept_syscalls()) numbers.push_back(call.number);
  if (role == Role::kEnter) {
    for (const long number : {SYS_clone, SYS_clone3, SYS_fork, SYS_vfork}) {
      numbers.push_back(static_cast<unsigned>(number));
    }
  }
  std::string filter;
  for (const unsigned number : numbers)
    filter += fmt::format("{}id == {}", filter.empty() ? "" : " || ", number);
  return filter;
}

perf_event_attr tracepoint_attr(const TracepointFormat& format) {
  perf_event_attr attr = common_perf_attr();
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = format.id;
  attr.sample_type |= PERF_SAMPLE_RAW;
  return attr;
}

class PerfSource final : public Source {
 public:
  PerfSource(std::vector<PerfDecoder::Tracepoint> tracepoints, ByteCount ring_bytes)
      : tracepoints_(std::move(tracepoints)), ring_bytes_(ring_bytes), pipeline_(decoder_of(tracepoints_)) {}

  [[nodiscard]] trace::Tier tier() const override { return trace::Tier::kPerf; }
  [[nodiscard]] TaskCounts task_counts() const override { return TaskCounts::kTreeOnly; }

  [[nodiscard]] std::vector<std::string> lacks() const override {
    return {
        "pages put in without a fault by direct I/O, vmsplice, io_uring buffers or another process have no "
        "address",
        "the order of events on different processors is that of their clocks",
        "touches that the kernel did not serve because page faults were off look like any other",
        "the kernel's fault counts are those of the whole tree the target waited for, not of each task",
        "where exec put brk and the arguments is an estimate for programs that ended at once",
        "the length of a detached System V segment",
    };
  }

  Result<void, Diagnostic> follow(pid_t child) override {
    for (const int cpu : online_cpus()) QUIRE_TRY(watch(child, cpu));
    pipeline_.begin(child);
    return {};
  }

  void drain(const RecordSink& sink) override { pipeline_.drain(sink); }
  void drain_all(const RecordSink& sink) override { pipeline_.drain_all(sink); }
  [[nodiscard]] std::uint64_t lost() const override { return pipeline_.lost(); }
  [[nodiscard]] std::uint64_t alive() const override { return pipeline_.alive(); }

 private:
  static PerfDecoder decoder_of(const std::vector<PerfDecoder::Tracepoint>& tracepoints) {
    PerfDecoder decoder(PerfDecoder::Samples::kRaw);
    for (const auto& tracepoint : tracepoints) decoder.add(tracepoint);
    return decoder;
  }

  Result<void, Diagnostic> watch(pid_t child, int cpu) {
    live::UniqueFd tasks = open_perf_event(task_event_attr(), child, cpu);
    if (!tasks.valid()) return fail(refused("the child cannot be watched", errno));
    const auto ring = pipeline_.add_ring(std::move(tasks), ring_bytes_);
    if (!ring) return fail(refused("no ring can be mapped", ring.error()));
    for (const auto& tracepoint : tracepoints_) {
      live::UniqueFd event = open_perf_event(tracepoint_attr(tracepoint.format), child, cpu);
      if (!event.valid()) return fail(refused("a tracepoint cannot be watched", errno));
      const bool is_call = tracepoint.role == Role::kEnter || tracepoint.role == Role::kReturn;
      if (is_call &&
          ioctl(event.get(), PERF_EVENT_IOC_SET_FILTER, syscall_filter(tracepoint.role).c_str()) != 0) {
        return fail(refused("system calls cannot be filtered", errno));
      }
      if (const auto added = pipeline_.add_event(std::move(event), *ring); !added) {
        return fail(refused("events cannot share a ring", added.error()));
      }
    }
    return {};
  }

  std::vector<PerfDecoder::Tracepoint> tracepoints_;
  ByteCount ring_bytes_;
  PerfPipeline pipeline_;
};

}  // namespace

Result<std::unique_ptr<Source>, Diagnostic> make_perf_source(ByteCount ring_bytes) {
  const Tracefs tracefs = QUIRE_TRY(Tracefs::open());
  std::vector<PerfDecoder::Tracepoint> tracepoints;
  for (const Wanted& wanted : kWanted) {
    auto format = tracefs.format(wanted.name);
    if (!format && wanted.required) return fail(std::move(format.error()));
    if (format) tracepoints.push_back({wanted.role, std::move(*format)});
  }
  // Asked of ourselves, so that a refusal is known before anything is started.
  if (!open_perf_event(tracepoint_attr(tracepoints.front().format), 0, -1).valid()) {
    return fail(refused("tracepoints cannot be watched", errno));
  }
  return std::make_unique<PerfSource>(std::move(tracepoints), ring_bytes);
}

}  // namespace quire::record
