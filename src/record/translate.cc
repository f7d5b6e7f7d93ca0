#include "record/translate.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace quire::record {

using trace::Event;
using trace::Kind;

namespace {

constexpr std::uint64_t kCloneVm = 0x100;

// How many records a task's exit is held back for a last fault of its own.
constexpr std::uint64_t kExitHold = 1 << 16;

// The record as its type; nothing when it is too short for it. Ring records
// are 8-byte aligned.
template <typename T>
const T* as(std::span<const std::byte> record) {
  static_assert(std::is_trivially_copyable_v<T>);
  return record.size() >= sizeof(T) ? reinterpret_cast<const T*>(record.data()) : nullptr;
}

template <std::size_t kSize>
std::string_view text_of(const char (&field)[kSize]) {
  return {field, strnlen(field, kSize)};
}

const qr_vma* stack_of(const qr_exec& exec, const std::vector<qr_vma>& vmas) {
  for (const qr_vma& v : vmas) {
    if (v.start <= exec.start_stack && exec.start_stack < v.end) return &v;
  }
  return nullptr;
}

}  // namespace

std::uint64_t vma_bits(std::uint64_t kernel_flags) {
  using B = trace::VmaBits;
  static constexpr std::pair<std::uint64_t, std::uint64_t> kBits[] = {
      {0x1, B::kRead},
      {0x2, B::kWrite},
      {0x4, B::kExec},
      {0x8, B::kShared},
      {0x100, B::kGrowsDown},
      {0x2000, B::kLocked},
      {0x20000000, B::kHugepage},
      {0x40000000, B::kNoHugepage},
      {0x20000, B::kDontFork},
      {0x400, B::kPfnMap},
      {0x100000, B::kAccount},
  };
  // VM_IO, VM_DONTEXPAND, VM_PFNMAP, VM_MIXEDMAP: what the kernel calls special.
  constexpr std::uint64_t kSpecialBits = 0x4000 | 0x40000 | 0x400 | 0x10000000;
  std::uint64_t bits = (kernel_flags & kSpecialBits) != 0 ? B::kSpecial : 0;
  for (const auto& [kernel, ours] : kBits) {
    if ((kernel_flags & kernel) != 0) bits |= ours;
  }
  return bits;
}

std::uint64_t user_device(std::uint32_t kernel_dev) {
  return gnu_dev_makedev(kernel_dev >> 20, kernel_dev & 0xfffff);
}

Translator::Translator(EventSink& sink, Scrubber scrubber, std::uint64_t start_ns, std::uint32_t root_pid)
    : sink_(sink), scrubber_(scrubber), start_ns_(start_ns), tasks_(2), cleared_ns_(start_ns) {
  tasks_[1].id = ++last_task_;
  tasks_[1].pid = root_pid;
  totals_.tasks = 1;
}

void Translator::feed(std::span<const std::byte> record) {
  const auto* head = as<qr_head>(record);
  if (head == nullptr) {
    ++totals_.strays;
    return;
  }
  ++records_;
  const auto give = [&]<typename T>(void (Translator::*handler)(const T&)) {
    if (const T* r = as<T>(record)) {
      (this->*handler)(*r);
    } else {
      ++totals_.strays;
    }
  };
  switch (head->kind) {
    case QR_TOUCH:
      return give(&Translator::on_touch);
    case QR_FAULT_AROUND:
      return give(&Translator::on_fault_around);
    case QR_FORK:
      return give(&Translator::on_fork);
    case QR_EXEC_ENTER:
      return give(&Translator::on_exec_enter);
    case QR_VMA:
      return give(&Translator::on_vma);
    case QR_EXEC_END:
      return give(&Translator::on_exec_end);
    case QR_EXIT:
      return give(&Translator::on_exit);
    case QR_MM_GONE:
      return give(&Translator::on_mm_gone);
    case QR_ACCESSED:
      return give(&Translator::on_accessed);
    case QR_ACCESSED_END:
      return give(&Translator::on_accessed_end);
    case QR_EXEC:
      if (const auto* r = as<qr_exec>(record)) execs_[head->task] = Exec{*r, {}};
      return;
    case QR_SYSCALL:
      if (const auto* r = as<qr_syscall>(record)) on_syscall(*r, nullptr);
      return;
    case QR_SYSCALL_FILE:
      if (const auto* r = as<qr_syscall_file>(record)) on_syscall(r->call, &r->file);
      return;
    default:
      ++totals_.strays;
  }
}

void Translator::finish() {
  while (!held_exits_.empty()) write_exit(held_exits_.begin());
}

Translator::Task* Translator::known(std::uint32_t task) {
  if (task < tasks_.size() && tasks_[task].id != 0) [[likely]]
    return &tasks_[task];
  ++totals_.strays;
  return nullptr;
}

Event& Translator::fresh(Kind kind, const qr_head& head, const Task& task) {
  // The one event that is reused: only what the last kind may have set is reset.
  if (scratch_.kind != kind || kind != Kind::kTouch) {
    scratch_.args = {};
    scratch_.result = 0;
    scratch_.sys = {};
    scratch_.phase = trace::Phase::kExit;
    scratch_.file = 0;
    scratch_.addr = VirtAddr();
    scratch_.text.clear();
    scratch_.kind = kind;
  }
  scratch_.flags = 0;
  scratch_.task = task.id;
  scratch_.mm = task.mm;
  scratch_.time_us = head.time_ns > start_ns_ ? (head.time_ns - start_ns_) / 1000 : 0;
  return scratch_;
}

// The clock is read after a record's place is taken, so neighbours may be
// swapped in time by a little; the place is what counts.
void Translator::emit(Event& event) {
  event.time_us = last_us_ = std::max(event.time_us, last_us_);
  const bool counted = (event.flags & trace::TouchBits::kUncounted) == 0;
  if (event.kind == Kind::kTouch && counted) ++totals_.touches;
  sink_.take(event);
}

void Translator::on_touch(const qr_touch& r) {
  Task* task = known(r.head.task);
  if (task == nullptr) return;
  const bool counted = (r.head.flags & trace::TouchBits::kUncounted) == 0;
  if (!running_) [[unlikely]] {
    if (counted && (r.head.flags & QR_NEW_MM) == 0) ++totals_.before_min;
    if ((r.head.flags & QR_NEW_MM) == 0) return;
  }
  Event& e = fresh(Kind::kTouch, r.head, *task);
  e.flags = static_cast<std::uint8_t>(r.head.flags & ~QR_NEW_MM);
  e.addr = VirtAddr(r.addr);
  if (task->exiting && counted) [[unlikely]]
    count_late_touch(task->id);
  if ((r.head.flags & QR_NEW_MM) != 0) {
    task->held.push_back(e);
  } else {
    emit(e);
  }
}

void Translator::on_fault_around(const qr_fault_around& r) {
  Task* task = known(r.head.task);
  if (task == nullptr || (!running_ && (r.head.flags & QR_NEW_MM) == 0)) return;
  qr_file file{};
  file.dev = r.dev;
  file.ino = r.ino;
  const auto found = files_.find({r.dev, r.ino});
  const trace::FileId id = found != files_.end() ? found->second.id : file_id(file, r.head);
  Event& e = fresh(Kind::kFaultAround, r.head, *task);
  e.args[0] = r.first;
  e.args[1] = r.last;
  e.file = id;
  if ((r.head.flags & QR_NEW_MM) != 0) {
    task->held.push_back(e);
  } else {
    emit(e);
  }
}

void Translator::on_syscall(const qr_syscall& r, const qr_file* file) {
  Task* task = known(r.head.task);
  if (task == nullptr || !running_) return;
  const trace::FileId id = file != nullptr ? file_id(*file, r.head) : 0;
  Event& e = fresh(Kind::kSyscall, r.head, *task);
  e.sys = static_cast<trace::Sys>(r.head.aux & 0xff);
  e.phase = static_cast<trace::Phase>(r.head.aux >> 8);
  std::copy(std::begin(r.args), std::end(r.args), e.args.begin());
  e.result = r.result;
  e.file = id;
  emit(e);
}

void Translator::on_fork(const qr_fork& r) {
  const Task* parent = known(r.head.task);
  if (parent == nullptr) return;
  Task child;
  child.id = ++last_task_;
  child.mm = parent->mm;
  child.pid = r.pid;
  if ((r.clone_flags & kCloneVm) == 0) {
    child.mm = ++last_mm_;
    mms_[r.child_mm] = child.mm;
  }
  ++totals_.tasks;
  Event& e = fresh(Kind::kFork, r.head, *parent);
  e.args[0] = child.id;
  e.args[1] = child.mm == parent->mm ? 0 : child.mm;
  e.args[2] = r.clone_flags;
  emit(e);
  if (tasks_.size() <= r.child) tasks_.resize(std::size_t{r.child} + 1);
  tasks_[r.child] = std::move(child);
}

void Translator::on_exec_enter(const qr_exec_enter& r) {
  if (running_) return;
  totals_.before_min = r.min_flt;
  totals_.before_maj = r.maj_flt;
}

void Translator::on_vma(const qr_vma& r) {
  const auto exec = execs_.find(r.head.task);
  if (exec == execs_.end()) {
    ++totals_.strays;
    return;
  }
  exec->second.vmas.push_back(r);
}

void Translator::on_exec_end(const qr_exec_end& r) {
  const auto exec = execs_.find(r.head.task);
  Task* task = known(r.head.task);
  if (exec == execs_.end() || task == nullptr) return;
  begin_program(*task, exec->second, r.head);
  execs_.erase(exec);
}

void Translator::begin_program(Task& task, const Exec& exec, const qr_head& at) {
  running_ = true;
  ++totals_.execs;
  const trace::MmId old_mm = task.mm;
  task.mm = ++last_mm_;
  mms_[exec.record.mm] = task.mm;
  std::vector<trace::FileId> files;
  for (const qr_vma& v : exec.vmas) files.push_back(file_id(v.file, at));
  const qr_vma* stack = stack_of(exec.record, exec.vmas);
  Event& e = fresh(Kind::kExec, at, task);
  e.args = {old_mm,
            exec.record.start_brk,
            exec.record.brk,
            exec.record.arg_start,
            exec.record.env_end,
            exec.record.start_stack};
  e.result = stack != nullptr ? static_cast<std::int64_t>(stack->end) : 0;
  e.text = text_of(exec.record.comm);
  emit(e);
  for (std::size_t i = 0; i < exec.vmas.size(); ++i) {
    const qr_vma& v = exec.vmas[i];
    Event& vma = fresh(Kind::kVma, at, task);
    vma.args = {v.start, v.end, vma_bits(v.vm_flags) | (&v == stack ? trace::VmaBits::kStack : 0),
                v.pgoff, 0,     0};
    vma.file = files[i];
    emit(vma);
  }
  for (Event& held : task.held) {
    held.mm = task.mm;
    emit(held);
  }
  task.held.clear();
}

void Translator::on_exit(const qr_exit& r) {
  Task* task = known(r.head.task);
  if (task == nullptr) return;
  task->exiting = true;
  task->held.clear();  // an address space that never got to its exec event
  const bool first = r.head.task == 1;
  Event& e = fresh(Kind::kExit, r.head, *task);
  e.args[0] = r.min_flt - (first ? std::min(totals_.before_min, r.min_flt) : 0);
  e.args[1] = r.maj_flt - (first ? std::min(totals_.before_maj, r.maj_flt) : 0);
  held_exits_.push_back(HeldExit{e, records_});
  ++totals_.gone;
  while (held_exits_.front().at_record + kExitHold < records_) write_exit(held_exits_.begin());
}

void Translator::count_late_touch(trace::TaskId task) {
  for (HeldExit& held : held_exits_) {
    if (held.event.task != task) continue;
    ++held.event.args[0];
    ++totals_.late_touches;
  }
}

void Translator::write_exit(std::deque<HeldExit>::iterator held) {
  totals_.min_flt += held->event.args[0];
  totals_.maj_flt += held->event.args[1];
  emit(held->event);
  held_exits_.erase(held);
}

// The address space is gone, so no task that shared it can touch it again.
void Translator::on_mm_gone(const qr_mm_gone& r) {
  const auto found = mms_.find(r.mm);
  if (found == mms_.end()) return;
  const trace::MmId mm = found->second;
  mms_.erase(found);
  hotness_.erase(r.mm);
  const auto of_mm = [&](const HeldExit& held) { return held.event.mm == mm; };
  for (auto held = held_exits_.begin();
       (held = std::ranges::find_if(held_exits_, of_mm)) != held_exits_.end();) {
    write_exit(held);
  }
  const Task* task = r.head.task < tasks_.size() ? &tasks_[r.head.task] : nullptr;
  Event& e = fresh(Kind::kMmGone, r.head, task != nullptr ? *task : Task{});
  e.mm = mm;
  emit(e);
}

// Tables of address spaces that are not told of yet are nobody's.
void Translator::on_accessed(const qr_accessed& r) {
  if (running_ && mms_.contains(r.mm)) hotness_[r.mm].fold.add(r);
}

void Translator::on_accessed_end(const qr_accessed_end& r) {
  const auto mm = mms_.find(r.mm);
  if (!running_ || mm == mms_.end()) return;
  Hotness& hotness = hotness_[r.mm];
  hotness.pid = r.pid;
  const Task* task = r.head.task < tasks_.size() ? &tasks_[r.head.task] : nullptr;
  const auto since = [&](std::uint64_t from) {
    return r.head.time_ns > from ? (r.head.time_ns - from) / 1000 : 0;
  };
  const trace::SampleHead head{.task = task != nullptr ? task->id : 0,
                               .mm = mm->second,
                               .time_us = since(start_ns_),
                               .window_us = since(cleared_ns_),
                               .sample = r.sample};
  for (Event& event : trace::accessed_events(head, hotness.fold.take())) emit(event);
}

std::vector<std::uint32_t> Translator::sampled_pids() const {
  std::vector<std::uint32_t> pids;
  for (const auto& [mm, hotness] : hotness_) {
    if (hotness.pid != 0) pids.push_back(hotness.pid);
  }
  return pids;
}

void Translator::accessed_cleared(std::uint64_t now_ns) {
  cleared_ns_ = now_ns;
  for (auto& [mm, hotness] : hotness_) hotness.fold.cleared();
}

std::vector<std::pair<std::uint32_t, trace::MmId>> Translator::processes() const {
  std::map<trace::MmId, std::uint32_t> by_mm;
  for (const Task& task : tasks_) {
    if (task.pid != 0 && task.mm != 0 && !task.exiting) by_mm.try_emplace(task.mm, task.pid);
  }
  std::vector<std::pair<std::uint32_t, trace::MmId>> all;
  for (const auto& [mm, pid] : by_mm) all.emplace_back(pid, mm);
  return all;
}

trace::FileId Translator::file_id(const qr_file& file, const qr_head& head) {
  if (file.dev == 0 && file.ino == 0) return 0;
  File& known_file = files_[{file.dev, file.ino}];
  const bool unchanged = known_file.id != 0 && known_file.size == file.size && known_file.bits == file.bits;
  if (unchanged) return known_file.id;
  if (known_file.id == 0) known_file.id = ++last_file_;
  known_file.size = file.size;
  known_file.bits = file.bits;
  Event& e = fresh(Kind::kFile, head, Task{});
  e.file = known_file.id;
  e.args = {user_device(file.dev), file.ino, file.size, file.bits, 0, 0};
  e.text = scrubber_.file_name(text_of(file.name));
  emit(e);
  return known_file.id;
}

}  // namespace quire::record
