#include "record/unprivileged_source.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "record/perf_decode.h"
#include "record/perf_pipeline.h"
#include "record/perf_ring.h"
#include "record/ptrace_tracer.h"

namespace quire::record {
namespace {

Diagnostic refused(std::string_view what, int error) {
  return {.kind = Diagnostic::Kind::kPrivilege,
          .where = "unprivileged recording",
          .what = fmt::format("{}: {}", what, std::strerror(error)),
          .hint = "needs kernel.perf_event_paranoid of 2 or less, and ptrace of own children"};
}

perf_event_attr user_only(perf_event_attr attr) {
  attr.exclude_kernel = 1;
  attr.exclude_hv = 1;
  return attr;
}

perf_event_attr fault_attr() {
  perf_event_attr attr = user_only(common_perf_attr());
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_PAGE_FAULTS;
  attr.sample_type |= PERF_SAMPLE_ADDR;
  return attr;
}

class UnprivilegedSource final : public Source {
 public:
  explicit UnprivilegedSource(ByteCount ring_bytes) : ring_bytes_(ring_bytes) {}

  [[nodiscard]] trace::Tier tier() const override { return trace::Tier::kUnprivileged; }
  [[nodiscard]] TaskCounts task_counts() const override { return TaskCounts::kTreeOnly; }

  [[nodiscard]] std::vector<std::string> lacks() const override {
    return {
        "whether a touch read, wrote or fetched an instruction",
        "touches the kernel made for the program, such as reading a file into fresh memory",
        "page-cache pages mapped round a file touch",
        "pages put in without a fault by direct I/O, vmsplice, io_uring buffers or another process have no "
        "address",
        "the order of events on different processors is that of their clocks",
        "the kernel's fault counts are those of the whole tree the target waited for, not of each task",
        "where exec put brk and the arguments is an estimate for programs that ended at once",
        "programs that gain privileges at exec do not gain them while recorded",
    };
  }

  Result<void, Diagnostic> follow(pid_t child) override {
    for (const int cpu : online_cpus()) QUIRE_TRY(watch(child, cpu));
    pipeline_.begin(child);
    if (const auto seized = tracer_.seize(child); !seized) {
      return fail(refused("the child cannot be traced", seized.error()));
    }
    return {};
  }

  void drain(const RecordSink& sink) override {
    handle_stops();
    pipeline_.drain(sink);
  }
  void drain_all(const RecordSink& sink) override {
    handle_stops();
    pipeline_.drain_all(sink);
  }

  [[nodiscard]] std::uint64_t lost() const override { return pipeline_.lost(); }
  [[nodiscard]] std::uint64_t alive() const override { return pipeline_.alive(); }

  bool root_ended(pid_t /*root*/, int& status, rusage& usage) override {
    if (!tracer_.root_end()) return false;
    status = tracer_.root_end()->status;
    usage = tracer_.root_end()->usage;
    return true;
  }

 private:
  Result<void, Diagnostic> watch(pid_t child, int cpu) {
    live::UniqueFd tasks = open_perf_event(user_only(task_event_attr()), child, cpu);
    if (!tasks.valid()) return fail(refused("the child cannot be watched", errno));
    const auto ring = pipeline_.add_ring(std::move(tasks), ring_bytes_);
    if (!ring) return fail(refused("no ring can be mapped", ring.error()));
    live::UniqueFd faults = open_perf_event(fault_attr(), child, cpu);
    if (!faults.valid()) return fail(refused("page faults cannot be watched", errno));
    if (const auto added = pipeline_.add_event(std::move(faults), *ring); !added) {
      return fail(refused("events cannot share a ring", added.error()));
    }
    return {};
  }

  void handle_stops() {
    tracer_.handle_stops([this](PerfEvent event) { pipeline_.add(std::move(event)); });
  }

  ByteCount ring_bytes_;
  PerfPipeline pipeline_{PerfDecoder(PerfDecoder::Samples::kAddress)};
  PtraceTracer tracer_;
};

}  // namespace

Result<std::unique_ptr<Source>, Diagnostic> make_unprivileged_source(ByteCount ring_bytes) {
  if (!open_perf_event(fault_attr(), 0, -1).valid())
    return fail(refused("page faults cannot be watched", errno));
  return std::make_unique<UnprivilegedSource>(ring_bytes);
}

}  // namespace quire::record
