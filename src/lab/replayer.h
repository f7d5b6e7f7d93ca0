// lab/replayer.h - drives a kernel with the events of a recording, one by one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/kernel.h"
#include "lab/fault_races.h"
#include "lab/foresight.h"
#include "lab/replay.h"
#include "lab/work_meter.h"
#include "trace/event.h"
#include "vm/populate.h"

namespace quire::lab {

// Applies recorded events to a modelled kernel and keeps the sums.
//
// Placement is never asked for: a mapping goes where it went. What is not
// modelled is counted under a sentence of its own and otherwise left out.
//
// Owns        : nothing but its bookkeeping
// Refers to   : the kernel and the profile
class Replayer {
 public:
  Replayer(kernel::Kernel& kernel, const trace::Header& header, const cost::Profile& profile,
           const OwnAdvice& own = {});

  // Every address space from now on is of this group.
  void put_into(folio::GroupId group) { group_ = group; }
  // Faults are told what is known of them. It must outlive this.
  void foresee(const Foresight& foresight) { foresight_ = &foresight; }
  // One pass of the daemon, priced. Blocks it looked at.
  std::size_t khugepaged_pass();
  // kFailure when the machine has no frame left.
  [[nodiscard]] Result<void, Diagnostic> apply(const trace::Event& event);
  // The address spaces there are now, by their ids in the recording, and the end of those ids.
  [[nodiscard]] vm::AddressSpace* space(trace::MmId mm) const {
    return mm < spaces_.size() ? spaces_[mm] : nullptr;
  }
  [[nodiscard]] trace::MmId spaces_end() const { return static_cast<trace::MmId>(spaces_.size()); }
  // After the last event: everything still alive is counted as it stands.
  [[nodiscard]] Result<ReplayResult, Diagnostic> finish();

  // What all events so far would have taken.
  [[nodiscard]] const cost::Bill& bill() const { return biller_.bill(); }

 private:
  struct File {
    vm::FileKind kind = vm::FileKind::kRegular;
  };
  struct PendingExec {
    trace::MmId mm = 0;
    trace::MmId old_mm = 0;
    kernel::ExecImage image;
  };

  [[nodiscard]] Result<void, Diagnostic> touch(const trace::Event& e);
  [[nodiscard]] Result<void, Diagnostic> accessed(const trace::Event& e);
  // A page was used: faults are counted and priced. kFailure when nothing can serve it.
  [[nodiscard]] Result<FaultResult, Diagnostic> use(vm::AddressSpace& mm, const trace::Event& e,
                                                    AccessKind kind);
  // Whoever was killed for memory meanwhile is gone.
  void note_kill(const vm::OomKill& kill);
  void bury();
  // Nothing there any more, because it was killed.
  [[nodiscard]] bool was_killed(trace::MmId mm);
  void hit(const vm::AddressSpace& mm, const trace::Event& e);
  [[nodiscard]] Result<void, Diagnostic> fork(const trace::Event& e);
  [[nodiscard]] Result<void, Diagnostic> finish_exec();
  void begin_exec(const trace::Event& e);
  void add_segment(const trace::Event& e);
  void mm_gone(const trace::Event& e);
  void snapshot_end();
  void note_unpriced();

  // System calls (replay_syscalls.cc).
  void syscall(const trace::Event& e);
  void sys_mmap(vm::AddressSpace& mm, const trace::Event& e);
  void sys_mremap(vm::AddressSpace& mm, const trace::Event& e);
  void sys_madvise(vm::AddressSpace& mm, const trace::Event& e);
  void sys_lock(vm::AddressSpace& mm, const trace::Event& e);
  void sys_prctl(vm::AddressSpace& mm, const trace::Event& e);
  void sys_shmat(vm::AddressSpace& mm, const trace::Event& e);
  void populated(vm::Populated p);

  // The fault gave the address space so many anonymous pages.
  void bill_fault(const vm::AddressSpace& mm, const trace::Event& e, PageCount made);
  // The address space had so many anonymous pages before the event.
  void bill_other(PageCount anon_before, trace::MmId mm);
  [[nodiscard]] PageCount anon_pages(trace::MmId mm) const;

  void set_space(trace::MmId mm, vm::AddressSpace* space);
  [[nodiscard]] vm::FileRef file_ref(trace::FileId id) const;
  void note(const std::string& sentence) { ++notes_[sentence]; }
  // Checks what the engine answers against what the recorded kernel answered.
  template <typename T>
  void expect_done(const Result<T, Errno>& done, const char* call) {
    if (!done) note(std::string(call) + " that succeeded when recorded was refused in the replay");
  }

  kernel::Kernel& kernel_;
  std::vector<vm::AddressSpace*> spaces_;  // by mm id
  std::vector<VirtAddr> last_touch_;       // by task id
  std::vector<File> files_;                // by file id
  std::uint32_t next_shared_anon_;         // file ids for shared anonymous memory, downwards
  OwnAdvisor own_;
  FaultRaces races_;
  WorkMeter meter_;
  cost::Biller biller_;
  std::optional<PendingExec> exec_;
  const Foresight* foresight_ = nullptr;  // null: nothing is known
  folio::GroupId group_ = folio::kRootGroup;
  std::vector<bool> killed_;  // by mm id
  std::size_t kills_seen_ = 0;
  Pressure pressure_;
  trace::TaskId root_task_ = 0;
  trace::MmId root_mm_ = 0;
  ByteCount stack_limit_{8ULL << 20};
  ReplayResult result_;
  std::map<std::string, std::uint64_t> notes_;
};

}  // namespace quire::lab
