// The recorded system calls, applied where they stand with the result they had.
#include "lab/replayer.h"
#include "vm/madvise.h"
#include "vm/syscalls.h"

namespace quire::lab {

using trace::Event;
using trace::Phase;
using trace::Sys;

namespace {

constexpr int kPrSetThpDisable = 41;
constexpr std::int64_t kNoMemory = -12;

// Calls that apply what they can before they fail with ENOMEM.
bool applies_in_part(Sys sys) {
  return sys == Sys::kMadvise || sys == Sys::kMprotect || sys == Sys::kMlock || sys == Sys::kMunlock;
}

}  // namespace

void Replayer::populated(vm::Populated p) {
  result_.minor_faults += p.faults;
  result_.populate_faults += p.faults;
}

void Replayer::syscall(const Event& e) {
  vm::AddressSpace* const mm = space(e.mm);
  if (mm == nullptr) return;
  const VirtAddr addr(e.args[0]);
  const ByteCount length(e.args[1]);
  if (e.phase == Phase::kEnter) {
    // munmap takes effect where it began; mremap waits for its result.
    if (e.sys == Sys::kMunmap) static_cast<void>(vm::munmap(*mm, addr, length));
    return;
  }
  const bool in_part = e.result == kNoMemory && applies_in_part(e.sys);
  if (e.result < 0 && !in_part) {
    if (e.sys == Sys::kMunmap) note("a munmap that failed after it was replayed");
    return;
  }
  switch (e.sys) {
    case Sys::kMmap:
      return sys_mmap(*mm, e);
    case Sys::kMremap:
      return sys_mremap(*mm, e);
    case Sys::kMprotect: {
      const auto done = vm::mprotect(*mm, addr, length, static_cast<int>(e.args[2]));
      if (!in_part) expect_done(done, "mprotect");
      return populated(own_.protection_changed(*mm, {addr, (addr + length).align_up()}));
    }
    case Sys::kBrk: {
      const VirtAddr from = mm->brk;
      const VirtAddr to = own_.break_for(*mm, VirtAddr(static_cast<std::uint64_t>(e.result)));
      const vm::Mapped done = vm::brk(*mm, to);
      populated(done.populated);
      if (done.addr != to) note("brk that succeeded when recorded was refused in the replay");
      return populated(own_.break_moved(*mm, from));
    }
    case Sys::kMadvise:
      return sys_madvise(*mm, e);
    case Sys::kMlock:
    case Sys::kMunlock:
    case Sys::kMlockall:
    case Sys::kMunlockall:
      return sys_lock(*mm, e);
    case Sys::kPrctl:
      return sys_prctl(*mm, e);
    case Sys::kShmat:
      return sys_shmat(*mm, e);
    case Sys::kShmdt:
      return static_cast<void>(vm::munmap(*mm, addr, ByteCount(e.args[3])));
    case Sys::kMunmap:
      return;
    case Sys::kUserfaultfd:
      return note("userfaultfd: its faults are not modelled");
    case Sys::kProcessMadvise:
      return note("process_madvise is not modelled");
    case Sys::kRemapFilePages:
      return note("remap_file_pages is not modelled");
    case Sys::kVmsplice:
      return note("vmsplice: pages it pins are not modelled");
    case Sys::kProcessVmWritev:
      return note("process_vm_writev: pages it touches are not recorded");
  }
}

void Replayer::sys_mmap(vm::AddressSpace& mm, const Event& e) {
  vm::MmapRequest r;
  r.addr = VirtAddr(static_cast<std::uint64_t>(e.result));
  r.length = ByteCount(e.args[1]);
  r.prot = static_cast<int>(e.args[2]);
  // Where it went is known, and what lay there was unmapped by MAP_FIXED only.
  r.flags = (static_cast<int>(e.args[3]) & ~vm::MapFlags::kFixedNoReplace) | vm::MapFlags::kFixed;
  r.file = file_ref(e.file);
  r.pgoff = e.args[5] >> kPageShift;
  if ((r.flags & vm::MapFlags::kHugeTlb) != 0) note("hugetlb memory is not modelled");
  const bool shared = (r.flags & vm::MapFlags::kShared) != 0;
  if (r.file.is_none() && shared) {
    r.file = {vm::FileId(next_shared_anon_--), vm::FileKind::kShmem};
    r.pgoff = 0;
  }
  const auto done = vm::mmap(mm, r);
  expect_done(done, "mmap");
  if (!done) return;
  populated(done->populated);
  populated(own_.mapped(mm, {r.addr, (r.addr + r.length).align_up()}));
}

void Replayer::sys_mremap(vm::AddressSpace& mm, const Event& e) {
  vm::MremapRequest r;
  r.addr = VirtAddr(e.args[0]);
  r.old_length = ByteCount(e.args[1]);
  r.new_length = ByteCount(e.args[2]);
  r.flags = static_cast<int>(e.args[3]);
  r.new_addr = VirtAddr(e.args[4]);
  r.place = VirtAddr(static_cast<std::uint64_t>(e.result));
  const auto done = vm::mremap(mm, r);
  expect_done(done, "mremap");
  if (!done) return;
  populated(done->populated);
  populated(own_.mapped(mm, {*r.place, (*r.place + r.new_length).align_up()}));
}

void Replayer::sys_madvise(vm::AddressSpace& mm, const Event& e) {
  const auto advice = static_cast<vm::Advice>(e.args[2]);
  if (!vm::is_modelled(advice)) {
    note("madvise advice " + std::to_string(e.args[2]) + " is not modelled");
    return;
  }
  const auto done = vm::madvise(mm, VirtAddr(e.args[0]), ByteCount(e.args[1]), advice);
  if (done) {
    populated(*done);
  } else if (e.result == 0) {
    expect_done(done, "madvise");
  }
}

void Replayer::sys_lock(vm::AddressSpace& mm, const Event& e) {
  const VirtAddr addr(e.args[0]);
  const ByteCount length(e.args[1]);
  switch (e.sys) {
    case Sys::kMlock: {
      const auto on_fault = (e.args[2] & 1) != 0 ? vm::LockOnFault::kYes : vm::LockOnFault::kNo;
      if (const auto done = vm::mlock(mm, addr, length, on_fault)) populated(*done);
      return;
    }
    case Sys::kMunlock:
      return static_cast<void>(vm::munlock(mm, addr, length));
    default: {
      const int flags = e.sys == Sys::kMlockall ? static_cast<int>(e.args[0]) : 0;
      if (const auto done = vm::mlockall(mm, flags)) populated(*done);
      return;
    }
  }
}

void Replayer::sys_prctl(vm::AddressSpace& mm, const Event& e) {
  if (e.args[0] != kPrSetThpDisable) return;
  mm.thp = e.args[1] == 0         ? policy::ProcessThp::kDefault
           : (e.args[2] & 2) != 0 ? policy::ProcessThp::kDisabledExceptAdvised
                                  : policy::ProcessThp::kDisabled;
}

void Replayer::sys_shmat(vm::AddressSpace& mm, const Event& e) {
  vm::MmapRequest r;
  r.addr = VirtAddr(static_cast<std::uint64_t>(e.result));
  r.length = ByteCount(e.args[3]);
  r.prot = vm::Prot::kRead | vm::Prot::kWrite;
  r.flags = vm::MapFlags::kShared | vm::MapFlags::kFixed;
  r.file =
      e.file != 0 ? file_ref(e.file) : vm::FileRef{vm::FileId(next_shared_anon_--), vm::FileKind::kShmem};
  expect_done(vm::mmap(mm, r), "shmat");
}

}  // namespace quire::lab
