// record/translate.h - turns the records of a source into the events of a
// recording.
//
// The source (BPF ring, perf, ptrace) tells what happened in the words of
// ring_record.h; here task numbers and address-space pointers become the dense
// identities of trace/event.h, files get names, and what the kernel did while
// it loaded a program is held back until the program's kExec event is out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "record/hotness_fold.h"
#include "record/ring_record.h"
#include "record/scrub.h"
#include "trace/event.h"

namespace quire::record {

// Takes the events in their order.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void take(const trace::Event& event) = 0;
};

// What the recording amounts to so far.
struct Totals {
  std::uint64_t touches = 0;  // that the kernel counted as faults
  std::uint64_t min_flt = 0;  // of the tasks that are gone
  std::uint64_t maj_flt = 0;
  std::uint64_t before_min = 0;  // of the first task before its first program: not the program's
  std::uint64_t before_maj = 0;
  std::uint64_t tasks = 0;
  std::uint64_t gone = 0;
  std::uint64_t execs = 0;
  std::uint64_t strays = 0;        // records of tasks whose fork was never told: something was lost
  std::uint64_t late_touches = 0;  // by tasks past their exit record, added to that record's count
  bool operator==(const Totals&) const = default;
};

// Translates one recording.
//
// Refers to   : the sink, which must outlive it
// Invariants  : I-TRANSLATE-1 no event names a task or address space before the
//               event that begins it, except task 1 before its kExec
//               I-TRANSLATE-2 kExec, its kVma and its held touches are adjacent
//               I-TRANSLATE-3 time_us never falls
// Complexity  : O(1) a record
class Translator {
 public:
  Translator(EventSink& sink, Scrubber scrubber, std::uint64_t start_ns, std::uint32_t root_pid = 0);

  // One record of the source, in the source's order. A record shorter than its
  // kind says is a stray.
  void feed(std::span<const std::byte> record);

  // Nothing more will come: what is held back goes out.
  void finish();

  [[nodiscard]] const Totals& totals() const { return totals_; }
  [[nodiscard]] bool program_began() const { return running_; }
  // Address spaces that are not gone yet.
  [[nodiscard]] std::size_t open_mms() const { return mms_.size(); }

  // A process of each address space that was looked at last (record --hotness).
  [[nodiscard]] std::vector<std::uint32_t> sampled_pids() const;
  // Their accessed bits are clear now.
  void accessed_cleared(std::uint64_t now_ns);
  // Processes that have an address space of their own, by number, and which.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, trace::MmId>> processes() const;
  [[nodiscard]] std::uint64_t start_ns() const { return start_ns_; }

 private:
  struct Exec {
    qr_exec record{};
    std::vector<qr_vma> vmas;
  };
  struct Task {
    trace::TaskId id = 0;  // 0: unknown
    trace::MmId mm = 0;
    std::uint32_t pid = 0;  // as the host numbers it; 0: unknown
    bool exiting = false;
    std::vector<trace::Event> held;  // of the address space its next kExec begins
  };
  // A kExit not written yet: the kernel tells of an exit before the task has let
  // go of its memory, which may fault once more.
  struct HeldExit {
    trace::Event event;
    std::uint64_t at_record = 0;
  };

  Task* known(std::uint32_t task);
  trace::Event& fresh(trace::Kind kind, const qr_head& head, const Task& task);
  void emit(trace::Event& event);

  void on_touch(const qr_touch& r);
  void on_fault_around(const qr_fault_around& r);
  void on_syscall(const qr_syscall& r, const qr_file* file);
  void on_fork(const qr_fork& r);
  void on_exec_enter(const qr_exec_enter& r);
  void on_vma(const qr_vma& r);
  void on_exec_end(const qr_exec_end& r);
  void on_exit(const qr_exit& r);
  void on_mm_gone(const qr_mm_gone& r);
  void on_accessed(const qr_accessed& r);
  void on_accessed_end(const qr_accessed_end& r);

  void begin_program(Task& task, const Exec& exec, const qr_head& at);
  void count_late_touch(trace::TaskId task);
  void write_exit(std::deque<HeldExit>::iterator held);
  trace::FileId file_id(const qr_file& file, const qr_head& head);

  EventSink& sink_;
  Scrubber scrubber_;
  std::uint64_t start_ns_;
  std::uint64_t last_us_ = 0;
  std::uint64_t records_ = 0;
  std::vector<Task> tasks_;  // by the source's number
  std::unordered_map<std::uint64_t, trace::MmId> mms_;
  // Of an address space whose accessed bits are looked at.
  struct Hotness {
    HotnessFold fold;
    std::uint32_t pid = 0;
  };
  std::map<std::uint64_t, Hotness> hotness_;       // by the kernel's pointer
  std::uint64_t cleared_ns_;                       // when all accessed bits were cleared last
  std::unordered_map<std::uint32_t, Exec> execs_;  // begun, not ended
  std::deque<HeldExit> held_exits_;                // in their order
  struct File {
    trace::FileId id = 0;
    std::uint64_t size = 0;
    std::uint32_t bits = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint64_t>, File> files_;
  trace::TaskId last_task_ = 0;
  trace::MmId last_mm_ = 0;
  trace::FileId last_file_ = 0;
  // Until the first program begins nothing is written.
  bool running_ = false;
  trace::Event scratch_;
  Totals totals_;
};

// The kernel's vm_flags in the bits of trace::VmaBits (kStack excepted: it is
// not a flag but a place).
[[nodiscard]] std::uint64_t vma_bits(std::uint64_t kernel_flags);

// The kernel's own coding of a device number in that of stat(2).
[[nodiscard]] std::uint64_t user_device(std::uint32_t kernel_dev);

}  // namespace quire::record
