#include "trace/describe.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "trace/accessed.h"

namespace quire::trace {
namespace {

constexpr std::size_t kMaxComm = 64;
constexpr std::size_t kMaxName = 255;

void count(TouchCounts& counts, std::uint8_t flags) {
  if ((flags & TouchBits::kNoDirection) != 0) {
    ++counts.no_direction;
  } else if ((flags & TouchBits::kExecute) != 0) {
    ++counts.executes;
  } else if ((flags & TouchBits::kWrite) != 0) {
    ++counts.writes;
  } else {
    ++counts.reads;
  }
  if ((flags & TouchBits::kKernel) != 0) ++counts.kernel;
  if ((flags & TouchBits::kUncounted) != 0) ++counts.uncounted;
}

// A call counts once: munmap where it is entered (a record of its return
// follows only a failure), every other where it returned.
bool counts_as_call(const Event& event) {
  if (event.kind != Kind::kSyscall) return false;
  return event.phase == (event.sys == Sys::kMunmap ? Phase::kEnter : Phase::kExit);
}

// Takes one event after the other into a TraceStats.
class Gatherer {
 public:
  explicit Gatherer(TraceStats& stats) : stats_(stats) {}

  void add(const Event& event) {
    ++stats_.events;
    ++stats_.by_kind[event.kind];
    stats_.last_time_us = std::max(stats_.last_time_us, event.time_us);
    TaskStats& task = task_of(event.task);
    MmStats& mm = mm_of(event.mm);
    if (event.task != 0 && event.mm != 0) task.mm = event.mm;
    if (&task == &unlisted_task_ || &mm == &unlisted_mm_) ++stats_.unlisted_events;
    if (event.kind == Kind::kTouch) {
      count(stats_.touches, event.flags);
      count(task.touches, event.flags);
      count(mm.touches, event.flags);
    } else {
      add_record(event, task, mm);
    }
  }

 private:
  void add_record(const Event& event, TaskStats& task, MmStats& mm) {
    switch (event.kind) {
      case Kind::kSyscall:
        add_call(event, task, mm);
        break;
      case Kind::kFork:
        add_fork(event, task);
        break;
      case Kind::kExec:
        add_exec(event, task, mm);
        break;
      case Kind::kVma:
        add_mapping(event, mm);
        break;
      case Kind::kExit:
        add_exit(event, task);
        break;
      case Kind::kMmGone:
        mm.gone = true;
        break;
      case Kind::kFile:
        if (files_.size() < TraceStats::kMaxTasks) files_[event.file] = event.text.substr(0, kMaxName);
        break;
      case Kind::kAccessed:
        add_accessed(event, mm);
        break;
      case Kind::kTouch:
      case Kind::kFaultAround:
        break;
    }
  }

  void add_accessed(const Event& event, MmStats& mm) {
    HotnessStats& hotness = stats_.hotness;
    const bool first = hotness.samples == 0;
    if (first || event.args[1] != sample_) ++hotness.samples;
    if (first || event.time_us - event.args[0] > cleared_) ++hotness.windows;
    cleared_ = std::max(cleared_, event.time_us - event.args[0]);
    sample_ = event.args[1];
    RunCursor cursor(event);
    for (PageRun run; cursor.next(run); ++hotness.runs) {
      hotness.pages += run.pages;
      if (run.written == Written::kYes) hotness.written += run.pages;
      mm.accessed_pages += run.pages;
    }
  }

  void add_call(const Event& event, TaskStats& task, MmStats& mm) {
    if (!counts_as_call(event)) return;
    ++stats_.by_syscall[event.sys];
    ++task.syscalls;
    ++mm.syscalls;
  }

  void add_fork(const Event& event, TaskStats& parent) {
    const auto child_id = static_cast<TaskId>(event.args[0]);
    const auto child_mm = static_cast<MmId>(event.args[1]);
    TaskStats& child = task_of(child_id);
    if (child_id == event.task || child_id != event.args[0] || child.parent != 0) return;
    child.parent = event.task;
    child.comm = parent.comm;
    child.mm = child_mm != 0 ? child_mm : event.mm;
    parent.children.push_back(child_id);
    if (child_mm != 0) mm_of(child_mm).comm = parent.comm;
  }

  void add_exec(const Event& event, TaskStats& task, MmStats& mm) {
    task.comm = mm.comm = event.text.substr(0, kMaxComm);
    if (task.execs.size() < TraceStats::kMaxExecs) task.execs.push_back(task.comm);
  }

  void add_mapping(const Event& event, MmStats& mm) {
    ++mm.mappings_seen;
    if (++mappings_ > TraceStats::kMaxMappings) return;
    const auto file = files_.find(event.file);
    mm.mappings.push_back({.range = {VirtAddr(event.args[0]), VirtAddr(event.args[1])},
                           .vm_flags = event.args[2],
                           .page_offset = event.args[3],
                           .file = file == files_.end() ? "" : file->second});
  }

  void add_exit(const Event& event, TaskStats& task) {
    task.exited = true;
    task.min_flt = event.args[0];
    task.maj_flt = event.args[1];
    stats_.min_flt += event.args[0];
    stats_.maj_flt += event.args[1];
  }

  TaskStats& task_of(TaskId id) {
    if (id == task_id_ && task_ != nullptr) return *task_;
    TaskStats& task = listed(stats_.tasks, id, unlisted_task_);
    task_id_ = id;
    task_ = &task;
    return task;
  }
  MmStats& mm_of(MmId id) {
    if (id == mm_id_ && mm_ != nullptr) return *mm_;
    MmStats& mm = listed(stats_.mms, id, unlisted_mm_);
    mm_id_ = id;
    mm_ = &mm;
    return mm;
  }

  // The entry of `id`; 0, and ids beyond the limit, share one that is thrown away.
  template <typename T>
  static T& listed(std::map<std::uint32_t, T>& table, std::uint32_t id, T& unlisted) {
    const auto found = table.find(id);
    if (found != table.end()) return found->second;
    if (id == 0 || table.size() >= TraceStats::kMaxTasks) {
      unlisted = T{};
      return unlisted;
    }
    T& fresh = table[id];
    fresh.id = id;
    return fresh;
  }

  TraceStats& stats_;
  std::unordered_map<FileId, std::string> files_;
  std::size_t mappings_ = 0;
  std::uint64_t sample_ = 0;   // number of the last one
  std::uint64_t cleared_ = 0;  // when the bits it tells of had been cleared
  TaskStats unlisted_task_;
  MmStats unlisted_mm_;
  TaskId task_id_ = 0;  // of the entry used last, which stays where it is in the map
  MmId mm_id_ = 0;
  TaskStats* task_ = nullptr;
  MmStats* mm_ = nullptr;
};

}  // namespace

Result<TraceStats, Diagnostic> describe(Reader& reader) {
  QUIRE_TRY(reader.rewind());
  TraceStats stats;
  stats.header = reader.header();
  stats.summary = reader.summary();
  stats.notes = reader.notes();
  stats.contents = reader.contents();
  stats.file_size = reader.file_size();
  stats.content_hash = reader.content_hash();
  Gatherer gatherer(stats);
  Event event;
  for (;;) {
    auto more = reader.next(event);
    if (!more) stats.damage = more.error();
    if (!more || !*more) return stats;
    gatherer.add(event);
  }
}

}  // namespace quire::trace
