#include "lab/replayer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/size.h"
#include "trace/accessed.h"
#include "vm/fault.h"
#include "vm/fault_file.h"

namespace quire::lab {

using trace::Event;
using trace::Kind;
using trace::TouchBits;
using trace::VmaBits;

namespace {

vm::VmFlags vm_flags(std::uint64_t bits) {
  vm::VmFlags f = vm::VmFlag::kMayRead | vm::VmFlag::kMayWrite | vm::VmFlag::kMayExec;
  const auto take = [&](std::uint64_t bit, vm::VmFlags flag) {
    if ((bits & bit) != 0) f |= flag;
  };
  take(VmaBits::kRead, vm::VmFlag::kRead);
  take(VmaBits::kWrite, vm::VmFlag::kWrite);
  take(VmaBits::kExec, vm::VmFlag::kExec);
  take(VmaBits::kShared, vm::VmFlag::kShared | vm::VmFlag::kMayShare);
  take(VmaBits::kGrowsDown, vm::VmFlag::kGrowsDown);
  take(VmaBits::kLocked, vm::VmFlag::kLocked);
  take(VmaBits::kHugepage, vm::VmFlag::kHugePage);
  take(VmaBits::kNoHugepage, vm::VmFlag::kNoHugePage);
  take(VmaBits::kDontFork, vm::VmFlag::kDontCopy);
  take(VmaBits::kPfnMap, vm::VmFlag::kPfnMap);
  take(VmaBits::kSpecial, vm::VmFlag::kDontExpand);
  take(VmaBits::kAccount, vm::VmFlag::kAccount);
  return f;
}

AccessKind kind_of(const Event& e, const vm::AddressSpace& mm) {
  if ((e.flags & TouchBits::kNoDirection) != 0) {
    // The tier could not tell: take what a writable mapping is mostly for.
    const vm::Vma* const vma = mm.mappings().find(e.addr);
    return vma != nullptr && vma->flags.has(vm::VmFlag::kWrite) ? AccessKind::kWrite : AccessKind::kRead;
  }
  if ((e.flags & TouchBits::kWrite) != 0) return AccessKind::kWrite;
  return (e.flags & TouchBits::kExecute) != 0 ? AccessKind::kExec : AccessKind::kRead;
}

Diagnostic out_of_memory(ByteCount ram) {
  return {Diagnostic::Kind::kFailure, "replay",
          fmt::format("the simulated machine of {} has no frame left, and nothing to swap to",
                      base::human_size(ram)),
          "give it more with --ram, or a swap device with --machine"};
}

Diagnostic nobody_to_kill() {
  return {Diagnostic::Kind::kFailure, "replay", "memory and swap are full, and nobody is left to be killed",
          "give the machine more of either"};
}

// Samples are in pages of the recording's machine.
constexpr unsigned kSamplePageShift = 12;

// The part of the address space that the folio behind `addr` fills.
VirtRange folio_at(vm::AddressSpace& mm, VirtAddr addr) {
  const folio::Folios& folios = mm.system().folios;
  const VirtAddr page = addr.align_down(kOrder0);
  const Pfn frame = vm::mapped_frame(mm, addr);
  if (!frame.valid() || !folios.is_anon(folios.head_of(frame))) return {page, page + PageCount(1)};
  const Pfn head = folios.head_of(frame);
  const VirtAddr begin = page - (frame - head);
  return {begin, begin + folios.order_of(head).pages()};
}

}  // namespace

Replayer::Replayer(kernel::Kernel& kernel, const trace::Header& header, const cost::Profile& profile,
                   const OwnAdvice& own)
    : kernel_(kernel), next_shared_anon_(vm::AnonVmaId::kMax), own_(own), meter_(kernel), biller_(profile) {
  const auto stack = header.rlimits.find("stack");
  if (stack != header.rlimits.end()) stack_limit_ = ByteCount(stack->second.first);
}

void Replayer::set_space(trace::MmId mm, vm::AddressSpace* space) {
  if (mm >= spaces_.size()) spaces_.resize(mm + 64UL);
  spaces_[mm] = space;
}

vm::FileRef Replayer::file_ref(trace::FileId id) const {
  if (id == 0) return vm::FileRef::none();
  return {vm::FileId(id), id < files_.size() ? files_[id].kind : vm::FileKind::kRegular};
}

Result<void, Diagnostic> Replayer::apply(const Event& e) {
  ++result_.events;
  if (e.kind == Kind::kTouch && !exec_) return touch(e);
  if (e.kind == Kind::kVma) {
    add_segment(e);
    return {};
  }
  if (e.kind == Kind::kFile) {
    if (e.file >= files_.size()) files_.resize(e.file + 64UL);
    const std::uint64_t bits = e.args[3];
    files_[e.file].kind = (bits & trace::FileBits::kShmem) != 0     ? vm::FileKind::kShmem
                          : (bits & trace::FileBits::kHugetlb) != 0 ? vm::FileKind::kHugetlb
                          : (bits & trace::FileBits::kDevice) != 0  ? vm::FileKind::kDevice
                                                                    : vm::FileKind::kRegular;
    return {};
  }
  if (exec_) {
    if (auto done = finish_exec(); !done) return done;
  }
  switch (e.kind) {
    case Kind::kTouch:
      return touch(e);
    case Kind::kAccessed:
      return accessed(e);
    case Kind::kFork:
      return fork(e);
    case Kind::kExec:
      begin_exec(e);
      break;
    case Kind::kSyscall: {
      const PageCount before = anon_pages(e.mm);
      meter_.begin();
      syscall(e);
      bill_other(before, e.mm);
      break;
    }
    case Kind::kMmGone: {
      const PageCount before = anon_pages(e.mm);
      meter_.begin();
      mm_gone(e);
      bill_other(before, e.mm);
      break;
    }
    case Kind::kFaultAround:
      if (vm::AddressSpace* const mm = space(e.mm); mm != nullptr && e.task < last_touch_.size()) {
        vm::map_file_pages(*mm, last_touch_[e.task], e.args[0], e.args[1]);
      }
      break;
    default:
      break;
  }
  return {};
}

Result<FaultResult, Diagnostic> Replayer::use(vm::AddressSpace& mm, const Event& e, AccessKind kind) {
  const PageCount anon = mm.rss().anon();
  const FaultResult result = vm::access(mm, e.addr, kind);
  if (result == FaultResult::kHit) return result;
  if (result == FaultResult::kMajor) ++pressure_.major_faults;
  if (result == FaultResult::kMinor) ++result_.minor_faults;
  if (is_fault(result)) bill_fault(mm, e, mm.rss().anon() < anon ? PageCount() : mm.rss().anon() - anon);
  if (result == FaultResult::kOom && kernel_.reclaimer() == nullptr)
    return fail(out_of_memory(kernel_.system().memory.total().bytes()));
  if (result == FaultResult::kOom && !mm.oom_killed) return fail(nobody_to_kill());
  return result;
}

Result<void, Diagnostic> Replayer::touch(const Event& e) {
  if ((e.flags & TouchBits::kUncounted) != 0) return {};  // came again, counted, later
  ++result_.touches;
  vm::AddressSpace* const mm = space(e.mm);
  if (mm == nullptr) {
    if (!was_killed(e.mm)) note("a touch in an address space the recording does not show the beginning of");
    return {};
  }
  if (e.task >= last_touch_.size()) last_touch_.resize(e.task + 64UL);
  last_touch_[e.task] = e.addr;
  if (foresight_ != nullptr) kernel_.system().foreseen = foresight_->at(result_.events);
  const FaultResult result = QUIRE_TRY(use(*mm, e, kind_of(e, *mm)));
  kernel_.system().foreseen = {};
  if (is_fault(result) && races_.watches(e.mm)) races_.served(e.mm, e.task, folio_at(*mm, e.addr), e.time_us);
  if (result == FaultResult::kHit) hit(*mm, e);
  if (result == FaultResult::kSegv || result == FaultResult::kBus) ++result_.refused;
  bury();
  return {};
}

// The pages of a sample were used: their accessed bits are set, and what is not in
// memory any more comes back.
Result<void, Diagnostic> Replayer::accessed(const Event& e) {
  Event at = e;
  trace::RunCursor cursor(e);
  for (trace::PageRun run; cursor.next(run);) {
    const AccessKind kind = run.written == trace::Written::kYes ? AccessKind::kWrite : AccessKind::kRead;
    for (std::uint64_t page = run.first; page < run.end(); ++page) {
      vm::AddressSpace* const mm = space(e.mm);
      if (mm == nullptr) {
        (void)was_killed(e.mm);
        return {};
      }
      at.addr = VirtAddr(page << kSamplePageShift);
      ++pressure_.accesses;
      const vm::Vma* const vma = mm->mappings().find(at.addr);
      if (vma == nullptr || !vma->is_anonymous()) continue;  // page cache is not reclaimed here
      const bool may = vma->flags.has(kind == AccessKind::kWrite ? vm::VmFlag::kWrite : vm::VmFlag::kRead);
      if (!may) continue;
      QUIRE_TRY(use(*mm, at, kind));
      bury();
    }
  }
  return {};
}

bool Replayer::was_killed(trace::MmId mm) {
  if (mm >= killed_.size() || !killed_[mm]) return false;
  ++pressure_.left_out;
  return true;
}

// Both are alive when they are asked for: the victim is buried after its record is made.
void Replayer::note_kill(const vm::OomKill& kill) {
  const auto recorded = [this](folio::MmId mm) {
    const auto is = [mm](const vm::AddressSpace* space) { return space != nullptr && space->id() == mm; };
    return static_cast<trace::MmId>(std::ranges::find_if(spaces_, is) - spaces_.begin());
  };
  pressure_.killed.push_back({.victim = recorded(kill.victim),
                              .asked_by = recorded(kill.asked_by),
                              .at_limit = kill.group != folio::kRootGroup,
                              .order = kill.order,
                              .points = kill.points,
                              .oom_score_adj = kill.oom_score_adj,
                              .anon = kill.anon,
                              .file = kill.file,
                              .swap = kill.swap,
                              .tables = kill.tables});
}

void Replayer::bury() {
  const std::size_t kills = kernel_.system().oom_kills.size();
  if (kills == kills_seen_) [[likely]]
    return;
  pressure_.oom_kills += kills - kills_seen_;
  for (; kills_seen_ < kills; ++kills_seen_) note_kill(kernel_.system().oom_kills[kills_seen_]);
  for (trace::MmId id = 0; id < spaces_.size(); ++id) {
    if (spaces_[id] == nullptr || !spaces_[id]->oom_killed) continue;
    kernel_.destroy(*spaces_[id]);
    set_space(id, nullptr);
    if (killed_.size() <= id) killed_.resize(id + 64UL);
    killed_[id] = true;
  }
}

// A recorded fault that finds its page mapped.
void Replayer::hit(const vm::AddressSpace& mm, const Event& e) {
  const vm::Vma* const vma = mm.mappings().find(e.addr);
  if (vma != nullptr && !vma->is_anonymous()) {
    // File faults are replayed as recorded: that the page was gone again is
    // the page cache's doing, which is not modelled.
    ++result_.minor_faults;
    bill_fault(mm, e, PageCount());
  } else if (races_.watches(e.mm) && races_.loses(e.mm, e.task, e.addr, e.time_us)) {
    ++result_.minor_faults;
    ++result_.lost_races;
    bill_fault(mm, e, PageCount());
  } else {
    ++result_.suppressed;
  }
}

Result<void, Diagnostic> Replayer::fork(const Event& e) {
  const auto child_mm = static_cast<trace::MmId>(e.args[1]);
  vm::AddressSpace* const parent = space(e.mm);
  races_.over(e.task);
  if (child_mm == 0) {  // a thread or vfork: the same address space
    races_.shares(e.mm);
    return {};
  }
  if (parent == nullptr && was_killed(e.mm)) {
    if (killed_.size() <= child_mm) killed_.resize(child_mm + 64UL);
    killed_[child_mm] = true;
    return {};
  }
  if (parent == nullptr) {
    note("a fork of an address space the recording does not show the beginning of");
    return {};
  }
  meter_.begin();
  const auto child = kernel_.fork(*parent);
  if (!child) return fail(out_of_memory(kernel_.system().memory.total().bytes()));
  biller_.fork(meter_.fork(parent->rss().anon()));
  set_space(child_mm, *child);
  if (vm::AddressSpace* const mm = own_.collapses(*parent, **child)) {
    meter_.begin();
    OwnAdvisor::collapse_all(*mm);
    biller_.other(meter_.other({}));
  }
  return {};
}

std::size_t Replayer::khugepaged_pass() {
  meter_.begin();
  std::vector<vm::BlockScan> looked_at;
  kernel_.system().khugepaged.do_scan(looked_at);
  biller_.other(meter_.other({}));
  ++result_.khugepaged_passes;
  return looked_at.size();
}

// A fault that found what it mapped took as long as that kind does.
void Replayer::bill_fault(const vm::AddressSpace& mm, const Event& e, PageCount made) {
  cost::Fault fault = meter_.fault(made);
  const bool of_file = [&] {
    if (fault.copies != 0 || fault.served || fault.swapped_in != 0) return false;
    const vm::Vma* const vma = mm.mappings().find(e.addr);
    return vma != nullptr && !vma->is_anonymous();
  }();
  if (of_file) {
    // A page of its own, when one was made, is a copy of the file's.
    fault.copies = fault.made ? 1 : 0;
    fault.made.reset();
    if (fault.copies == 0) fault.served = cost::Work::kFileFault;
  } else if (!fault.made && !fault.served && fault.copies == 0 && fault.swapped_in == 0) {
    fault.served = cost::Work::kZeroFault;
  }
  biller_.fault(fault);
}

PageCount Replayer::anon_pages(trace::MmId mm) const {
  vm::AddressSpace* const there = space(mm);
  return there == nullptr ? PageCount() : there->rss().anon();
}

void Replayer::bill_other(PageCount anon_before, trace::MmId mm) {
  biller_.other(meter_.other({.before = anon_before, .after = anon_pages(mm)}));
}

void Replayer::begin_exec(const Event& e) {
  PendingExec exec;
  exec.mm = e.mm;
  exec.old_mm = static_cast<trace::MmId>(e.args[0]);
  exec.image.start_brk = VirtAddr(e.args[1]);
  exec.image.brk = VirtAddr(e.args[2]);
  exec.image.arg_start = VirtAddr(e.args[3]);
  exec.image.stack_top = VirtAddr(static_cast<std::uint64_t>(e.result));
  if (root_task_ == 0) root_task_ = e.task;
  if (e.task == root_task_) root_mm_ = e.mm;
  exec_ = std::move(exec);
}

void Replayer::add_segment(const Event& e) {
  if (!exec_) {
    note("a mapping outside of any exec");
    return;
  }
  vm::FileRef file = file_ref(e.file);
  const bool special = (e.args[2] & VmaBits::kSpecial) != 0 && file.is_none();
  if (special) file = {vm::FileId(next_shared_anon_--), vm::FileKind::kDevice};  // vdso, vvar
  exec_->image.segments.push_back(
      {{VirtAddr(e.args[0]), VirtAddr(e.args[1])}, vm_flags(e.args[2]), file, e.args[3]});
}

Result<void, Diagnostic> Replayer::finish_exec() {
  const PendingExec exec = std::move(*exec_);
  exec_.reset();
  meter_.begin();
  vm::AddressSpace& mm = kernel_.create_address_space();
  mm.limits.stack = stack_limit_;
  mm.group = group_;
  if (const vm::AddressSpace* const old = space(exec.old_mm)) {
    mm.thp = old->thp;
  } else {
    own_.first_exec(mm);
  }
  set_space(exec.mm, &mm);
  const auto faults = kernel_.exec(mm, exec.image);
  if (!faults && faults.error() == Errno::kNoMem)
    return fail(out_of_memory(kernel_.system().memory.total().bytes()));
  if (!faults) {
    note("a program whose mappings after exec do not fit together");
    return {};
  }
  result_.minor_faults += *faults;
  result_.populate_faults += *faults;
  bill_other(PageCount(), exec.mm);
  return {};
}

void Replayer::snapshot_end() {
  const auto& usage = kernel_.system().folios.usage();
  result_.final_resident = PageCount(usage.pages).bytes();
  result_.wasted_at_end = PageCount(usage.pages - usage.touched).bytes();
  result_.final_tables = PageCount(kernel_.system().tables.pages).bytes();
}

void Replayer::mm_gone(const Event& e) {
  vm::AddressSpace* const mm = space(e.mm);
  if (mm == nullptr) return;
  if (e.mm == root_mm_) snapshot_end();
  result_.peak_rss = std::max(result_.peak_rss, mm->rss().peak().bytes());
  kernel_.destroy(*mm);
  set_space(e.mm, nullptr);
}

void Replayer::note_unpriced() {
  if (pressure_.major_faults == 0) return;
  result_.notes.emplace_back(
      biller_.profile().prices_swap()
          ? "kernel time has what was swapped at the prices of zram with lz4; looking for what to swap and "
            "waiting for a disk are left out"
          : "kernel time leaves out reclaim, compression and the devices: the profile has no measured "
            "times for them");
}

Result<ReplayResult, Diagnostic> Replayer::finish() {
  if (exec_) {
    if (auto done = finish_exec(); !done) return fail(done.error());
  }
  vm::System& system = kernel_.system();
  if (space(root_mm_) != nullptr) snapshot_end();
  for (const auto& mm : kernel_.address_spaces()) {
    result_.peak_rss = std::max(result_.peak_rss, mm->rss().peak().bytes());
  }
  const auto& usage = system.folios.usage();
  result_.counters = system.counters;
  for (unsigned o = 2; o <= kPmdOrder; ++o) {
    result_.folios[o] =
        static_cast<std::uint64_t>(system.counters.get(stats::MthpStat::anon_fault_alloc, Order(o)));
    result_.folio_splits += static_cast<std::uint64_t>(system.counters.get(stats::MthpStat::split, Order(o)));
  }
  result_.pmd_maps = system.counters.get(stats::VmEvent::thp_fault_alloc);
  result_.pmd_splits = system.counters.get(stats::VmEvent::thp_split_pmd);
  result_.pages_copied = system.counters.get(stats::VmEvent::quire_cow_pages);
  result_.collapses = system.counters.get(stats::VmEvent::thp_collapse_alloc);
  result_.peak_resident = PageCount(usage.peak_pages).bytes();
  result_.wasted_at_peak = PageCount(usage.peak_pages - usage.touched_at_peak).bytes();
  result_.peak_tables = PageCount(system.tables.peak_pages).bytes();
  result_.bill = biller_.bill();
  if (kernel_.reclaimer() != nullptr) {
    pressure_.swap_used = system.swap.used();
    result_.pressure = pressure_;
    note_unpriced();
  }
  result_.state_hash = kernel_.state_hash();
  for (const auto& [sentence, times] : notes_)
    result_.notes.push_back(fmt::format("{} ({} times)", sentence, times));
  return std::move(result_);
}

}  // namespace quire::lab
