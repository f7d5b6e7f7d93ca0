// record/perf_assemble.h - makes the records of ring_record.h from what perf
// events tell.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "record/perf_event.h"
#include "record/ring_record.h"
#include "record/source.h"

namespace quire::record {

// What only the running system can be asked; a test answers from a table.
struct PerfLookup {
  // Size and trace::FileBits of the file at `path`, if it is still that inode.
  struct FileFacts {
    std::uint64_t size = 0;
    std::uint32_t bits = 0;
  };
  std::function<FileFacts(const std::string& path, std::uint64_t inode)> file;
  // The layout exec gave a process; nothing when it is gone.
  struct Layout {
    std::uint64_t start_brk = 0, brk = 0, arg_start = 0, env_end = 0, start_stack = 0;
  };
  std::function<std::optional<Layout>(std::uint32_t pid)> layout;
  std::function<bool(std::uint32_t tid)> exists;
};

// Puts observations, which come in the order of time, together.
//
// perf tells of an exec when the new address space is empty: the mappings that
// follow, up to the task's first step in user mode, are its snapshot. It does
// not tell which tasks share an address space; that follows from how they were
// made. Address spaces get numbers of ours in place of pointers.
class PerfAssembler {
 public:
  PerfAssembler(std::uint32_t root_tid, PerfLookup lookup);

  void feed(const PerfEvent& event, const RecordSink& sink);

  // Events were lost, perhaps ends among them: tasks that the system no longer
  // knows are told to have ended.
  void forget_the_dead(const RecordSink& sink);

  // Tasks that have not ended.
  [[nodiscard]] std::size_t alive() const { return tasks_.size(); }

 private:
  struct Task {
    std::uint32_t id = 0;
    std::uint32_t pid = 0;
    std::uint64_t mm = 0;
    bool loading = false;  // between exec and its first step in user mode
    std::string comm;
    std::vector<qr_vma> vmas;       // of the program being loaded
    PerfEvent last_mmap;            // what a running mmap made
    std::optional<PerfEvent> call;  // entered, not returned
  };

  Task* find(const PerfEvent& event);
  void on_touch(Task& task, const PerfEvent& event, const RecordSink& sink);
  void on_return(Task& task, const PerfEvent& event, const RecordSink& sink);
  void on_fork(Task& parent, const PerfEvent& event, const RecordSink& sink);
  void on_exec(Task& task, const PerfEvent& event, const RecordSink& sink);
  void on_exit(const PerfEvent& event, const RecordSink& sink);
  void add_mapping(Task& task, const PerfEvent& event);
  void end_loading(Task& task, std::uint64_t time_ns, const RecordSink& sink);
  void leave_mm(const Task& task, std::uint64_t time_ns, const RecordSink& sink);
  [[nodiscard]] qr_file file_of(const PerfEvent& mmap) const;

  PerfLookup lookup_;
  std::unordered_map<std::uint32_t, Task> tasks_;  // by tid
  std::map<std::uint64_t, std::uint32_t> users_;   // of each address space
  std::uint32_t last_task_ = 1;
  std::uint64_t last_mm_ = 1;
};

}  // namespace quire::record
