// trace/event.h - what a recording holds: what programs did, never what a
// kernel did about it.
//
// System calls with their results, first touches with address, direction and
// task, and the life of tasks and address spaces, in one total order. How
// these are stored is trace/format.h; docs/reference/recording-format.md
// describes every record.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "quire/types.h"

namespace quire::trace {

// Dense identities, given in order of first appearance. Task 0 and mm 0 mean
// "none". A file id names an entry made by a kFile event; 0 is anonymous.
using TaskId = std::uint32_t;
using MmId = std::uint32_t;
using FileId = std::uint32_t;

enum class Kind : std::uint8_t {
  kTouch = 1,        // a page fault of the recorded run: a first touch, or a write to a read-only page
  kFaultAround = 2,  // the kernel mapped page-cache pages round the file touch before it: args 0,1 =
                     //   first and last page offset (inclusive) in the file; `file`
  kSyscall = 3,      // `sys`, args, result; applied where it stands, except see `phase`
  kFork = 4,         // task, mm = the parent's; args: 0 child task, 1 child mm (0: shares the parent's
                     //   address space), 2 clone flags
  kExec = 5,         // task; mm = the NEW address space; args: 0 old mm, 1 start_brk, 2 brk, 3 arg_start,
                     //   4 env_end, 5 start_stack; result = top of the stack mapping; text = comm.
                     //   The kVma events of the new address space follow at once, then the touches the
                     //   kernel made while loading it (recorded before exec was done, stored after).
  kVma = 6,          // one mapping of mm as exec left it; args: 0 start, 1 end, 2 vm_flags (VmaBits),
                     //   3 page offset; `file`
  kExit = 7,         // task is gone; args: 0 min_flt, 1 maj_flt (the kernel's own count for this task)
  kMmGone = 8,       // the last user of mm left; everything in it was unmapped
  kFile = 9,         // `file` from now on means: args 0 device, 1 inode, 2 size in bytes,
                     //   3 flags (FileBits); text = last part of the path, may be empty or scrubbed
  kAccessed = 10,    // pages of mm whose accessed bit was found set, and had not been at the sample before:
                     //   args 0 microseconds since all bits were cleared, 1 number of the sample, 2 first
                     //   page; text = runs of pages (trace/accessed.h). From version 2 of the format on
};

// Directions and circumstances of a touch (Event::flags).
struct TouchBits {
  static constexpr std::uint8_t kWrite = 1;         // otherwise a read
  static constexpr std::uint8_t kExecute = 2;       // instruction fetch
  static constexpr std::uint8_t kKernel = 4;        // by the kernel on the task's behalf (copy_to_user ...)
  static constexpr std::uint8_t kPresent = 8;       // an entry was present: a protection fault
  static constexpr std::uint8_t kUncounted = 16;    // page faults were disabled: the kernel did not serve
                                                    //   or count it, the touch came again later
  static constexpr std::uint8_t kNoDirection = 32;  // the tier cannot tell read from write
};

// vm_flags of a kVma event: the kernel's meaning, our bit numbers.
struct VmaBits {
  static constexpr std::uint64_t kRead = 1, kWrite = 2, kExec = 4, kShared = 8, kGrowsDown = 16, kLocked = 32,
                                 kHugepage = 64, kNoHugepage = 128, kDontFork = 256, kPfnMap = 512,
                                 kSpecial = 1024, kStack = 2048, kAccount = 4096;
};

struct FileBits {
  static constexpr std::uint64_t kShmem = 1;  // memory-backed: tmpfs, memfd, shared anonymous
  static constexpr std::uint64_t kHugetlb = 2;
  static constexpr std::uint64_t kDevice = 4;  // a character device
};

// The system calls a recording keeps. Arguments and result are the kernel's,
// unchanged (prctl: only PR_SET_THP_DISABLE; madvise: all advice).
enum class Sys : std::uint8_t {
  kMmap = 1,      // args 0 addr 1 length 2 prot 3 flags 4 fd 5 offset; `file`
  kMunmap = 2,    // args 0 addr 1 length
  kMremap = 3,    // args 0 old addr 1 old len 2 new len 3 flags 4 new addr
  kMprotect = 4,  // args 0 addr 1 length 2 prot (also pkey_mprotect, args 3 key)
  kBrk = 5,       // args 0 addr
  kMadvise = 6,   // args 0 addr 1 length 2 advice
  kMlock = 7,     // args 0 addr 1 length 2 flags (mlock2)
  kMunlock = 8,   // args 0 addr 1 length
  kMlockall = 9,  // args 0 flags
  kMunlockall = 10,
  kPrctl = 11,        // args 0 option 1.. its arguments
  kShmat = 12,        // args 0 shmid 1 addr 2 flags; result = address, arg 3 = length, `file`
  kShmdt = 13,        // args 0 addr, arg 3 = length
  kUserfaultfd = 14,  // args 0 flags: recorded so that replay can say what it does not model
  kProcessMadvise = 15,
  kRemapFilePages = 16,
  kVmsplice = 17,  // recorded only so that the gate can explain uncounted pages
  kProcessVmWritev = 18,
};

enum class Phase : std::uint8_t {
  kExit = 0,   // the record stands where the call returned; result is valid
  kEnter = 1,  // the record stands where the call began; no result yet. Only munmap (whose effect is
               //   taken here; a kExit record follows only if it failed) and mremap (snapshotted here,
               //   applied at its kExit record).
};

struct Event {
  Kind kind{};
  std::uint8_t flags = 0;  // TouchBits
  Sys sys{};
  Phase phase = Phase::kExit;
  TaskId task = 0;
  MmId mm = 0;
  FileId file = 0;
  std::uint64_t time_us = 0;  // since the recording began
  VirtAddr addr;              // kTouch: the exact address
  std::array<std::uint64_t, 6> args{};
  std::int64_t result = 0;
  std::string text;

  bool operator==(const Event&) const = default;
};

}  // namespace quire::trace
