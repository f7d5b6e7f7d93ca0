#include "record/perf_assemble.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "record/syscall_table.h"
#include "trace/event.h"

namespace quire::record {
namespace {

using Type = PerfEvent::Type;

constexpr std::uint64_t kCloneVm = 0x100;
constexpr std::uint64_t kCloneVfork = 0x4000;
constexpr std::uint64_t kCloneThread = 0x10000;
constexpr std::uint64_t kThpDisable = 41;  // PR_SET_THP_DISABLE

// The kernel's vm_flags that a mapping event lets us know.
constexpr std::uint64_t kShared = 0x8;
constexpr std::uint64_t kGrowsDown = 0x100;
constexpr std::uint64_t kLocked = 0x2000;
constexpr std::uint64_t kDontExpand = 0x40000;

template <typename T>
T record_of(qr_kind kind, std::uint32_t task, std::uint64_t time_ns) {
  T r{};
  auto& head = reinterpret_cast<qr_head&>(r);
  head.kind = static_cast<std::uint8_t>(kind);
  head.task = task;
  head.time_ns = time_ns;
  return r;
}

template <typename T>
void give(const RecordSink& sink, const T& r) {
  sink(std::as_bytes(std::span(&r, 1)));
}

const KeptSyscall* kept(std::uint64_t number) {
  const auto all = kept_syscalls();
  const auto found =
      std::ranges::find(all, number, [](const KeptSyscall& c) { return std::uint64_t{c.number}; });
  return found != all.end() ? &*found : nullptr;
}

// The kernel's vm_flags, as far as a mapping's protection and flags tell.
std::uint64_t vm_flags_of(const PerfEvent& mmap) {
  std::uint64_t flags = mmap.prot & (PROT_READ | PROT_WRITE | PROT_EXEC);  // same bits
  if ((mmap.flags & MAP_SHARED) != 0) flags |= kShared;
  if ((mmap.flags & MAP_GROWSDOWN) != 0 || mmap.text == "[stack]") flags |= kGrowsDown;
  if ((mmap.flags & MAP_LOCKED) != 0) flags |= kLocked;
  const bool special = mmap.text == "[vdso]" || mmap.text.starts_with("[vvar");
  return special ? flags | kDontExpand : flags;
}

// How the parent made the child. fork(2) and clone(2) were seen to be entered;
// clone3 hides its flags, and makes processes only for posix_spawn.
std::uint64_t clone_flags(const std::optional<PerfEvent>& call, bool thread) {
  if (thread) return kCloneVm | kCloneThread;
  if (!call) return 0;
  if (call->number == SYS_clone) return call->args[0];
  if (call->number == SYS_vfork || call->number == SYS_clone3) return kCloneVm | kCloneVfork;
  return 0;
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

template <std::size_t kSize>
void set_text(char (&field)[kSize], std::string_view text) {
  const std::size_t length = std::min(text.size(), kSize - 1);
  std::memcpy(field, text.data(), length);
  field[length] = 0;
}

// What exec did, for a process that was gone before it could be asked: brk
// begins behind the program's file and the anonymous memory that follows it,
// the arguments lie at the stack's top.
PerfLookup::Layout estimate(const std::vector<qr_vma>& vmas) {
  PerfLookup::Layout layout;
  for (const qr_vma& v : vmas) {
    if ((v.vm_flags & kGrowsDown) != 0) {
      layout.env_end = v.end - 8;
      layout.arg_start = layout.env_end - 1;
      layout.start_stack = layout.arg_start;
      continue;
    }
    const bool of_program = v.file.ino == vmas.front().file.ino || v.start == layout.brk;
    if (of_program) layout.start_brk = layout.brk = std::max(layout.brk, v.end);
  }
  return layout;
}

}  // namespace

PerfAssembler::PerfAssembler(std::uint32_t root_tid, PerfLookup lookup) : lookup_(std::move(lookup)) {
  Task& root = tasks_[root_tid];
  root.id = 1;
  root.pid = root_tid;
  root.mm = last_mm_;
  users_[root.mm] = 1;
}

PerfAssembler::Task* PerfAssembler::find(const PerfEvent& event) {
  const auto found = tasks_.find(event.tid);
  if (found != tasks_.end()) return &found->second;
  if (event.type != Type::kExec) return nullptr;
  // A thread other than the first has called execve: it lives on under the
  // number of the first, and all the others have ended.
  const auto survivor =
      std::ranges::find_if(tasks_, [&](const auto& entry) { return entry.second.pid == event.pid; });
  if (survivor == tasks_.end()) return nullptr;
  auto node = tasks_.extract(survivor);
  node.key() = event.tid;
  return &tasks_.insert(std::move(node)).position->second;
}

void PerfAssembler::feed(const PerfEvent& event, const RecordSink& sink) {
  if (event.type == Type::kExit) return on_exit(event, sink);
  Task* task = find(event);
  if (task == nullptr) return;
  const bool in_user_mode =
      event.type == Type::kEnter ||
      (event.type == Type::kFault && (event.touch_flags & trace::TouchBits::kKernel) == 0);
  if (task->loading && in_user_mode) end_loading(*task, event.time_ns, sink);
  switch (event.type) {
    case Type::kFault:
    case Type::kFaultAround:
      return on_touch(*task, event, sink);
    case Type::kEnter:
      task->call = event;
      task->last_mmap = {};
      if (const KeptSyscall* call = kept(event.number);
          call != nullptr && call->when == When::kEnterAndExit && call->sys != trace::Sys::kShmdt) {
        auto r = record_of<qr_syscall>(QR_SYSCALL, task->id, event.time_ns);
        r.head.aux = static_cast<std::uint16_t>(static_cast<unsigned>(call->sys) |
                                                static_cast<unsigned>(trace::Phase::kEnter) << 8);
        std::ranges::copy(event.args, r.args);
        give(sink, r);
      }
      return;
    case Type::kReturn:
      return on_return(*task, event, sink);
    case Type::kMmap:
      task->last_mmap = event;
      if (task->loading) add_mapping(*task, event);
      return;
    case Type::kExec:
      return on_exec(*task, event, sink);
    case Type::kFork:
      return on_fork(*task, event, sink);
    case Type::kExit:
      return;
  }
}

void PerfAssembler::on_touch(Task& task, const PerfEvent& event, const RecordSink& sink) {
  const std::uint8_t new_mm = task.loading ? QR_NEW_MM : 0;
  if (event.type == Type::kFault) {
    auto r = record_of<qr_touch>(QR_TOUCH, task.id, event.time_ns);
    r.head.flags = event.touch_flags | new_mm;
    r.addr = event.address;
    return give(sink, r);
  }
  auto r = record_of<qr_fault_around>(QR_FAULT_AROUND, task.id, event.time_ns);
  r.head.flags = new_mm;
  r.first = event.address;
  r.last = event.end;
  r.ino = event.inode;
  r.dev = event.dev;
  give(sink, r);
}

qr_file PerfAssembler::file_of(const PerfEvent& mmap) const {
  qr_file file{};
  if (mmap.inode == 0) return file;
  const PerfLookup::FileFacts facts = lookup_.file(mmap.text, mmap.inode);
  file.dev = mmap.dev;
  file.ino = mmap.inode;
  file.size = facts.size;
  file.bits = facts.bits;
  set_text(file.name, last_part(mmap.text));
  return file;
}

void PerfAssembler::on_return(Task& task, const PerfEvent& event, const RecordSink& sink) {
  if (!task.call || task.call->number != event.number) return;
  const PerfEvent entered = *std::exchange(task.call, std::nullopt);
  const KeptSyscall* call = kept(event.number);
  if (call == nullptr) return;
  if (call->sys == trace::Sys::kMunmap && event.result == 0) return;  // told when it was entered
  if (call->sys == trace::Sys::kPrctl && entered.args[0] != kThpDisable) return;
  auto r = record_of<qr_syscall_file>(QR_SYSCALL, task.id, event.time_ns);
  r.call.head.aux = static_cast<std::uint16_t>(call->sys);
  std::ranges::copy(entered.args, r.call.args);
  r.call.result = event.result;
  const PerfEvent& made = task.last_mmap;
  const bool maps = call->sys == trace::Sys::kMmap || call->sys == trace::Sys::kShmat;
  if (!maps || made.inode == 0 || made.address != static_cast<std::uint64_t>(event.result)) {
    return give(sink, r.call);
  }
  r.call.head.kind = QR_SYSCALL_FILE;
  if (call->sys == trace::Sys::kShmat) r.call.args[3] = made.end - made.address;
  r.file = file_of(made);
  give(sink, r);
}

void PerfAssembler::on_fork(Task& parent, const PerfEvent& event, const RecordSink& sink) {
  const std::uint64_t flags = clone_flags(parent.call, event.child_pid == parent.pid);
  Task child;
  child.id = ++last_task_;
  child.pid = event.child_pid;
  child.comm = parent.comm;
  child.mm = (flags & kCloneVm) != 0 ? parent.mm : ++last_mm_;
  ++users_[child.mm];
  auto r = record_of<qr_fork>(QR_FORK, parent.id, event.time_ns);
  r.child = child.id;
  r.pid = event.child_tid;
  r.clone_flags = flags;
  r.child_mm = child.mm;
  give(sink, r);
  tasks_[event.child_tid] = std::move(child);
}

void PerfAssembler::leave_mm(const Task& task, std::uint64_t time_ns, const RecordSink& sink) {
  const auto users = users_.find(task.mm);
  if (users == users_.end() || --users->second != 0) return;
  users_.erase(users);
  auto r = record_of<qr_mm_gone>(QR_MM_GONE, task.id, time_ns);
  r.mm = task.mm;
  give(sink, r);
}

void PerfAssembler::on_exec(Task& task, const PerfEvent& event, const RecordSink& sink) {
  leave_mm(task, event.time_ns, sink);
  task.mm = ++last_mm_;
  users_[task.mm] = 1;
  task.loading = true;
  task.call.reset();
  task.vmas.clear();
  task.comm = event.text;
}

// A later mapping lies over an earlier one, as the segments of a program lie
// over the whole that was mapped first.
void PerfAssembler::add_mapping(Task& task, const PerfEvent& event) {
  std::vector<qr_vma> kept_vmas;
  for (const qr_vma& old : task.vmas) {
    if (old.end <= event.address || old.start >= event.end) {
      kept_vmas.push_back(old);
      continue;
    }
    if (old.start < event.address) {
      kept_vmas.push_back(old);
      kept_vmas.back().end = event.address;
    }
    if (old.end > event.end) {
      kept_vmas.push_back(old);
      kept_vmas.back().start = event.end;
      kept_vmas.back().pgoff += (event.end - old.start) >> 12;
    }
  }
  auto vma = record_of<qr_vma>(QR_VMA, task.id, event.time_ns);
  vma.start = event.address;
  vma.end = event.end;
  vma.vm_flags = vm_flags_of(event);
  vma.pgoff = event.pgoff >> 12;
  vma.file = file_of(event);
  kept_vmas.push_back(vma);
  std::ranges::sort(kept_vmas, {}, &qr_vma::start);
  task.vmas = std::move(kept_vmas);
}

void PerfAssembler::end_loading(Task& task, std::uint64_t time_ns, const RecordSink& sink) {
  task.loading = false;
  const auto asked = lookup_.layout(task.pid);
  const PerfLookup::Layout layout = asked ? *asked : estimate(task.vmas);
  auto exec = record_of<qr_exec>(QR_EXEC, task.id, time_ns);
  exec.mm = task.mm;
  exec.start_brk = layout.start_brk;
  exec.brk = layout.brk;
  exec.arg_start = layout.arg_start;
  exec.env_end = layout.env_end;
  exec.start_stack = layout.start_stack;
  set_text(exec.comm, task.comm);
  give(sink, exec);
  for (qr_vma& vma : task.vmas) {
    vma.head.time_ns = time_ns;
    give(sink, vma);
  }
  task.vmas.clear();
  give(sink, record_of<qr_exec_end>(QR_EXEC_END, task.id, time_ns));
}

void PerfAssembler::forget_the_dead(const RecordSink& sink) {
  std::vector<PerfEvent> ends;
  for (const auto& [tid, task] : tasks_) {
    if (lookup_.exists(tid)) continue;
    PerfEvent end;
    end.type = Type::kExit;
    end.tid = tid;
    ends.push_back(std::move(end));
  }
  for (const PerfEvent& end : ends) on_exit(end, sink);
}

void PerfAssembler::on_exit(const PerfEvent& event, const RecordSink& sink) {
  const auto found = tasks_.find(event.tid);
  if (found == tasks_.end()) return;
  give(sink, record_of<qr_exit>(QR_EXIT, found->second.id, event.time_ns));
  leave_mm(found->second, event.time_ns, sink);
  tasks_.erase(found);
}

}  // namespace quire::record
