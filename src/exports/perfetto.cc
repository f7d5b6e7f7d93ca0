// A recording for the Perfetto UI: what each task did, priced by the replay of a
// policy, and the memory that the policy gives it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/size.h"
#include "exports/event_fields.h"
#include "exports/formats.h"
#include "exports/perfetto_trace.h"
#include "kernel/kernel.h"
#include "lab/replay_steps.h"
#include "trace/describe.h"

namespace quire::exports {
namespace {

using trace::Event;
using trace::Kind;
using trace::Phase;
using trace::Sys;
using trace::TaskId;
using Track = PerfettoTrace::Track;

constexpr std::uint64_t kCloneThread = 0x10000;

// Tracks have numbers: counters from 1, then one a process and one a thread.
constexpr Track kCounters = 1;
constexpr Track kTotalResident = kCounters + kMaxOrder + 1;
constexpr Track kNeverTouched = kTotalResident + 1;
constexpr Track kTables = kTotalResident + 2;
constexpr Track kTasks = 1U << 10;
Track process_track(TaskId leader) { return kTasks + 2 * Track{leader}; }
Track thread_track(TaskId task) { return kTasks + 2 * Track{task} + 1; }

// The tracks of tasks, and what is open on each. Begin and end are balanced and
// in order on every track: nothing begins before what was before it has ended.
class Tasks {
 public:
  Tasks(PerfettoTrace& trace, const trace::TraceStats& stats, const record::Scrubber& scrubber)
      : trace_(trace), stats_(stats), scrubber_(scrubber) {}

  // What a task does from now on, until the next program, or its end.
  void begin_phase(TaskId task, std::uint64_t time_ns, const std::string& name) {
    end_all(task, time_ns);
    open(task, time_ns, "phase", name, {});
  }
  void begin_call(TaskId task, std::uint64_t time_ns, std::string_view name) {
    open(task, time_ns, "syscall", name, {});
    state(task).call_open = true;
  }
  void end_call(TaskId task, std::uint64_t time_ns) {
    State& of = state(task);
    if (!std::exchange(of.call_open, false)) return;
    close(task, time_ns);
  }
  // One that is told when it is over, or that takes as long as is known.
  void slice(TaskId task, std::uint64_t time_ns, std::uint64_t lasts_ns, std::string_view category,
             std::string_view name, Annotations facts) {
    open(task, time_ns, category, name, facts);
    close(task, state(task).last_ns + lasts_ns);
  }
  void instant(TaskId task, std::uint64_t time_ns, std::string_view name, Annotations facts) {
    trace_.instant(described(task), after(task, time_ns), "event", name, facts);
  }
  void make(TaskId parent, TaskId child, bool thread) { leaders_[child] = thread ? leader(parent) : child; }
  void end_all(TaskId task, std::uint64_t time_ns) {
    State& of = state(task);
    while (of.depth != 0) close(task, time_ns);
    of.call_open = false;
  }
  void end_everything(std::uint64_t time_ns) {
    for (const auto& [task, of] : states_) end_all(task, time_ns);
  }

 private:
  struct State {
    bool described = false;
    bool call_open = false;
    unsigned depth = 0;
    std::uint64_t last_ns = 0;  // on its track
  };

  State& state(TaskId task) { return states_[task]; }
  TaskId leader(TaskId task) const {
    const auto found = leaders_.find(task);
    return found == leaders_.end() ? task : found->second;
  }
  std::uint64_t after(TaskId task, std::uint64_t time_ns) {
    State& of = state(task);
    return of.last_ns = std::max(of.last_ns, time_ns);
  }
  std::string name_of(TaskId task) const {
    const auto found = stats_.tasks.find(task);
    if (found == stats_.tasks.end() || found->second.comm.empty()) return fmt::format("task {}", task);
    return shown_name(found->second.comm, scrubber_);
  }
  Track described(TaskId task) {
    if (!std::exchange(state(task).described, true)) {
      const TaskId head = leader(task);
      if (processes_.insert(head).second)
        trace_.describe_process(process_track(head), static_cast<std::int32_t>(head), name_of(head));
      trace_.describe_thread(thread_track(task), process_track(head), static_cast<std::int32_t>(head),
                             static_cast<std::int32_t>(task), name_of(task));
    }
    return thread_track(task);
  }
  void open(TaskId task, std::uint64_t time_ns, std::string_view category, std::string_view name,
            Annotations facts) {
    const Track track = described(task);
    trace_.begin(track, after(task, time_ns), category, name, facts);
    ++state(task).depth;
  }
  void close(TaskId task, std::uint64_t time_ns) {
    trace_.end(described(task), after(task, time_ns));
    --state(task).depth;
  }

  PerfettoTrace& trace_;
  const trace::TraceStats& stats_;
  const record::Scrubber& scrubber_;
  std::map<TaskId, State> states_;
  std::map<TaskId, TaskId> leaders_;
  std::set<TaskId> processes_;
};

// Memory of the modelled machine, told whenever it has changed.
class Memory {
 public:
  Memory(PerfettoTrace& trace, const vm::System& system) : trace_(trace), system_(system) {
    using CounterUnit = PerfettoTrace::CounterUnit;
    trace_.describe_counter(kTotalResident, "resident", CounterUnit::kBytes);
    for (unsigned order = 0; order <= kPmdOrder; ++order) {
      if (order != 1)
        trace_.describe_counter(kCounters + order, "resident in folios of " + base::sysfs_size(Order(order)),
                                CounterUnit::kBytes);
    }
    trace_.describe_counter(kNeverTouched, "never touched", CounterUnit::kBytes);
    trace_.describe_counter(kTables, "page tables", CounterUnit::kBytes);
  }

  void tell(std::uint64_t time_ns) {
    // Counters share no track with slices, but time never falls on any.
    last_ns_ = std::max(last_ns_, time_ns);
    const auto& usage = system_.folios.usage();
    std::uint64_t small = usage.pages;
    for (unsigned order = 2; order <= kPmdOrder; ++order) {
      const std::int64_t folios = system_.counters.get(stats::MthpStat::nr_anon, Order(order));
      const std::uint64_t pages = static_cast<std::uint64_t>(std::max<std::int64_t>(folios, 0)) << order;
      small -= std::min(small, pages);
      put(kCounters + order, pages);
    }
    put(kCounters, small);
    put(kTotalResident, usage.pages);
    put(kNeverTouched, usage.pages - usage.touched);
    put(kTables, system_.tables.pages);
  }

 private:
  void put(Track track, std::uint64_t pages) {
    const auto [known, fresh] = told_.try_emplace(track, pages);
    if (!fresh && known->second == pages) return;
    known->second = pages;
    trace_.count(track, last_ns_, PageCount(pages).bytes().raw());
  }

  PerfettoTrace& trace_;
  const vm::System& system_;
  std::map<Track, std::uint64_t> told_;
  std::uint64_t last_ns_ = 0;
};

// What the kernel's own counters say about one event.
class Happenings {
 public:
  explicit Happenings(const vm::System& system) : system_(system), before_(now()) {}

  struct Since {
    std::uint64_t folio_bytes = 0;  // of the largest folio made
    std::uint64_t splits = 0;
    std::uint64_t collapses = 0;
  };
  Since take() {
    const Counts counts = now();
    Since since;
    for (unsigned order = 2; order <= kPmdOrder; ++order) {
      if (counts.made[order] != before_.made[order]) since.folio_bytes = Order(order).bytes().raw();
      since.splits += counts.splits[order] - before_.splits[order];
    }
    since.collapses = counts.collapses - before_.collapses;
    before_ = counts;
    return since;
  }

 private:
  struct Counts {
    std::array<std::uint64_t, kMaxOrder + 1> made{};
    std::array<std::uint64_t, kMaxOrder + 1> splits{};
    std::uint64_t collapses = 0;
  };
  [[nodiscard]] Counts now() const {
    Counts counts;
    const auto get = [this](stats::MthpStat stat, unsigned order) {
      return static_cast<std::uint64_t>(system_.counters.get(stat, Order(order)));
    };
    for (unsigned order = 2; order <= kPmdOrder; ++order) {
      counts.made[order] = get(stats::MthpStat::anon_fault_alloc, order);
      counts.splits[order] = get(stats::MthpStat::split, order);
    }
    counts.collapses = system_.counters.get(stats::VmEvent::thp_collapse_alloc);
    return counts;
  }

  const vm::System& system_;
  Counts before_;
};

// One event that was just replayed: what it took, what came of it.
struct Replayed {
  std::uint64_t time_ns = 0;
  std::uint64_t lasts_ns = 0;
  Happenings::Since since;
};

void draw_touch(Tasks& tasks, const Event& event, const Replayed& replayed) {
  if (replayed.lasts_ns == 0) return;  // mapped already: no fault under this policy
  const std::string name = fmt::format("{} fault", access_name(event));
  const Annotation address{Annotation::Type::kAddress, "address", event.addr.raw()};
  const std::uint64_t kernel = (event.flags & trace::TouchBits::kKernel) != 0 ? 1 : 0;
  const std::uint64_t bytes = replayed.since.folio_bytes;
  tasks.slice(event.task, replayed.time_ns, replayed.lasts_ns, "fault", name,
              {address, {.name = "folio_bytes", .value = bytes}, {.name = "by_kernel", .value = kernel}});
}

// munmap is told where it began, mremap at both ends, all others when they returned.
void draw_syscall(Tasks& tasks, const Event& event, const Replayed& replayed) {
  const std::string_view name = trace::sys_name(event.sys);
  if (event.phase == Phase::kEnter && event.sys == Sys::kMremap)
    return tasks.begin_call(event.task, replayed.time_ns, name);
  if (event.phase == Phase::kExit && event.sys == Sys::kMremap)
    return tasks.end_call(event.task, replayed.time_ns);
  tasks.slice(
      event.task, replayed.time_ns, replayed.lasts_ns, "syscall", name,
      {{Annotation::Type::kAddress, "arg0", event.args[0]}, {.name = "arg1", .value = event.args[1]}});
}

void draw_fork(Tasks& tasks, const Event& event, const Replayed& replayed) {
  const auto child = static_cast<TaskId>(event.args[0]);
  const bool thread = (event.args[2] & kCloneThread) != 0;
  tasks.make(event.task, child, thread);
  tasks.slice(event.task, replayed.time_ns, replayed.lasts_ns, "syscall", thread ? "clone" : "fork", {});
  tasks.instant(event.task, replayed.time_ns, thread ? "new thread" : "new process",
                {{.name = "task", .value = child}});
  tasks.begin_phase(child, replayed.time_ns, thread ? "thread" : "before exec");
}

void draw(Tasks& tasks, const Event& event, const Replayed& replayed, const record::Scrubber& scrubber) {
  switch (event.kind) {
    case Kind::kTouch:
      draw_touch(tasks, event, replayed);
      break;
    case Kind::kSyscall:
      draw_syscall(tasks, event, replayed);
      break;
    case Kind::kFork:
      draw_fork(tasks, event, replayed);
      break;
    case Kind::kExec:
      tasks.begin_phase(event.task, replayed.time_ns, shown_name(event.text, scrubber));
      break;
    case Kind::kExit:
      tasks.end_all(event.task, replayed.time_ns);
      break;
    default:
      break;
  }
  if (replayed.since.splits != 0)
    tasks.instant(event.task, replayed.time_ns, "folio split",
                  {{.name = "folios", .value = replayed.since.splits}});
  if (replayed.since.collapses != 0)
    tasks.instant(event.task, replayed.time_ns, "collapse",
                  {{.name = "folios", .value = replayed.since.collapses}});
}

}  // namespace

Result<void, Diagnostic> recording_perfetto(trace::Reader& reader, const lab::ReplayOptions& options,
                                            const record::Scrubber& scrubber, Output& out) {
  const trace::TraceStats stats = QUIRE_TRY(trace::describe(reader));
  const auto steps = QUIRE_TRY(lab::ReplaySteps::begin(reader, options));
  PerfettoTrace trace(out);
  Tasks tasks(trace, stats, scrubber);
  Memory memory(trace, steps->kernel().system());
  Happenings happenings(steps->kernel().system());
  std::uint64_t last_ns = 0;
  double before = 0;
  while (QUIRE_TRY(steps->next())) {
    const Event& event = steps->event();
    const double billed = steps->replayer().bill().kernel_ns;
    last_ns = event.time_us * 1000;
    const Replayed replayed{.time_ns = last_ns,
                            .lasts_ns = static_cast<std::uint64_t>(std::llround(billed - before)),
                            .since = happenings.take()};
    before = billed;
    draw(tasks, event, replayed, scrubber);
    memory.tell(last_ns);
  }
  tasks.end_everything(last_ns);
  return {};
}

}  // namespace quire::exports
