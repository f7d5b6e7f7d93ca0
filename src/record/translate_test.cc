#include "record/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace quire::record {
namespace {

using testing::ElementsAre;
using trace::Event;
using trace::Kind;
using trace::TouchBits;

constexpr std::uint64_t kStart = 1'000'000;
constexpr std::uint64_t kMmA = 0xffff888000001000;
constexpr std::uint64_t kMmB = 0xffff888000002000;

class Collected final : public EventSink {
 public:
  void take(const Event& event) override { events.push_back(event); }

  [[nodiscard]] std::vector<Kind> kinds() const {
    std::vector<Kind> all;
    for (const Event& e : events) all.push_back(e.kind);
    return all;
  }
  [[nodiscard]] std::vector<Event> of(Kind kind) const {
    std::vector<Event> all;
    for (const Event& e : events) {
      if (e.kind == kind) all.push_back(e);
    }
    return all;
  }

  std::vector<Event> events;
};

// Speaks as a source does. Each record is a little later than the last.
class Translation : public testing::Test {
 protected:
  template <typename T>
  T make(qr_kind kind, std::uint32_t task) {
    T r{};
    qr_head* head = reinterpret_cast<qr_head*>(&r);
    head->kind = static_cast<std::uint8_t>(kind);
    head->task = task;
    head->time_ns = now += 2000;
    return r;
  }
  template <typename T>
  void feed(const T& record) {
    translator.feed(std::as_bytes(std::span(&record, 1)));
  }

  void touch(std::uint32_t task, std::uint64_t addr, std::uint8_t flags = 0) {
    auto r = make<qr_touch>(QR_TOUCH, task);
    r.head.flags = flags;
    r.addr = addr;
    feed(r);
  }
  void exec_enter(std::uint64_t min_flt, std::uint64_t maj_flt) {
    auto r = make<qr_exec_enter>(QR_EXEC_ENTER, 1);
    r.min_flt = min_flt;
    r.maj_flt = maj_flt;
    feed(r);
  }
  void exec_begins(std::uint32_t task, std::uint64_t mm) {
    auto r = make<qr_exec>(QR_EXEC, task);
    r.mm = mm;
    r.arg_start = 0x7fffffffea00;
    r.start_stack = 0x7fffffffe700;
    std::strcpy(r.comm, "prog");
    feed(r);
  }
  void vma(std::uint32_t task, std::uint64_t start, std::uint64_t end, std::uint64_t flags,
           std::uint64_t ino = 0) {
    auto r = make<qr_vma>(QR_VMA, task);
    r.start = start;
    r.end = end;
    r.vm_flags = flags;
    if (ino != 0) r.file = file(ino, "prog");
    feed(r);
  }
  static qr_file file(std::uint64_t ino, const char* name, std::uint64_t size = 4096) {
    qr_file f{};
    f.dev = (8U << 20) | 1;
    f.ino = ino;
    f.size = size;
    std::strcpy(f.name, name);
    return f;
  }
  void exec_ends(std::uint32_t task) { feed(make<qr_exec_end>(QR_EXEC_END, task)); }
  void exec(std::uint32_t task, std::uint64_t mm) {
    exec_begins(task, mm);
    vma(task, 0x7fffffffd000, 0x7ffffffff000, 0x103);
    exec_ends(task);
  }
  void fork(std::uint32_t parent, std::uint32_t child, std::uint64_t mm, std::uint64_t flags = 0) {
    auto r = make<qr_fork>(QR_FORK, parent);
    r.child = child;
    r.child_mm = mm;
    r.clone_flags = flags;
    feed(r);
  }
  void exit(std::uint32_t task, std::uint64_t min_flt, std::uint64_t maj_flt = 0) {
    auto r = make<qr_exit>(QR_EXIT, task);
    r.min_flt = min_flt;
    r.maj_flt = maj_flt;
    feed(r);
  }
  void mm_gone(std::uint32_t task, std::uint64_t mm) {
    auto r = make<qr_mm_gone>(QR_MM_GONE, task);
    r.mm = mm;
    feed(r);
  }
  void call(std::uint32_t task, trace::Sys sys, trace::Phase phase, std::uint64_t arg0, std::int64_t result) {
    auto r = make<qr_syscall>(QR_SYSCALL, task);
    r.head.aux = static_cast<std::uint16_t>(static_cast<unsigned>(sys) | static_cast<unsigned>(phase) << 8);
    r.args[0] = arg0;
    r.result = result;
    feed(r);
  }

  std::uint64_t now = kStart;
  Collected out;
  Translator translator{out, Scrubber(), kStart};
};

// What the first task faults as the recorder's child is not the program's: no
// event, and not in the count of its exit.
TEST_F(Translation, LeavesOutWhatCameBeforeTheFirstProgram) {
  exec_enter(100, 7);
  touch(1, 0x1000);  // execve reads its arguments from the old address space
  call(1, trace::Sys::kBrk, trace::Phase::kExit, 0, 0);
  exec(1, kMmA);
  touch(1, 0x2000);
  exit(1, 104, 8);
  translator.finish();
  EXPECT_THAT(out.kinds(), ElementsAre(Kind::kExec, Kind::kVma, Kind::kTouch, Kind::kExit));
  EXPECT_EQ(out.events[3].args[0], 3U);  // 104 - 100 - the one touch of the old address space
  EXPECT_EQ(out.events[3].args[1], 1U);
  EXPECT_EQ(translator.totals().touches, 1U);
  EXPECT_EQ(translator.totals().min_flt, 3U);
}

// Touches made while a program is loaded stand after its kExec and kVma, in
// their order, and name its address space.
TEST_F(Translation, HoldsBackTouchesOfLoadingUntilExecIsTold) {
  exec(1, kMmA);
  touch(1, 0x3000, QR_NEW_MM | TouchBits::kWrite | TouchBits::kKernel);
  touch(1, 0x4000, QR_NEW_MM);
  exec_begins(1, kMmB);
  vma(1, 0x400000, 0x401000, 0x5, 42);
  vma(1, 0x7fffffffd000, 0x7ffffffff000, 0x103);
  exec_ends(1);
  EXPECT_THAT(out.kinds(), ElementsAre(Kind::kExec, Kind::kVma, Kind::kFile, Kind::kExec, Kind::kVma,
                                       Kind::kVma, Kind::kTouch, Kind::kTouch));
  EXPECT_EQ(out.events[3].args[0], 1U);  // the old address space
  EXPECT_EQ(out.events[3].mm, 2U);
  EXPECT_EQ(out.events[3].result, 0x7ffffffff000);
  EXPECT_EQ(out.events[3].text, "prog");
  EXPECT_EQ(out.events[4].file, 1U);
  EXPECT_EQ(out.events[4].args[2], trace::VmaBits::kRead | trace::VmaBits::kExec);
  EXPECT_EQ(out.events[5].args[2], trace::VmaBits::kRead | trace::VmaBits::kWrite |
                                       trace::VmaBits::kGrowsDown | trace::VmaBits::kStack);
  EXPECT_EQ(out.events[6].addr, VirtAddr(0x3000));
  EXPECT_EQ(out.events[6].mm, 2U);
  EXPECT_EQ(out.events[6].flags, TouchBits::kWrite | TouchBits::kKernel);
  EXPECT_EQ(out.events[7].addr, VirtAddr(0x4000));
}

// A record of another task that falls between the records of an exec does not
// come between its events.
TEST_F(Translation, KeepsExecTogether) {
  exec(1, kMmA);
  fork(1, 2, kMmB);
  exec_begins(2, 0x5000);
  touch(1, 0x1000);
  vma(2, 0x7fffffffd000, 0x7ffffffff000, 0x103);
  exec_ends(2);
  EXPECT_THAT(out.kinds(),
              ElementsAre(Kind::kExec, Kind::kVma, Kind::kFork, Kind::kTouch, Kind::kExec, Kind::kVma));
  EXPECT_EQ(out.events[4].task, 2U);
  EXPECT_EQ(out.events[4].args[0], 2U);
  EXPECT_EQ(out.events[4].mm, 3U);
}

// A thread and a vfork child use their parent's address space; a forked child
// has its own, named in the fork.
TEST_F(Translation, GivesForkedChildrenAnAddressSpaceAndThreadsTheirParents) {
  exec(1, kMmA);
  fork(1, 2, kMmA, 0x100);
  fork(1, 3, kMmB, 0x1200000);
  touch(2, 0x1000);
  touch(3, 0x2000);
  const auto forks = out.of(Kind::kFork);
  EXPECT_THAT(forks[0].args, ElementsAre(2, 0, 0x100, 0, 0, 0));
  EXPECT_THAT(forks[1].args, ElementsAre(3, 2, 0x1200000, 0, 0, 0));
  const auto touches = out.of(Kind::kTouch);
  EXPECT_EQ(touches[0].task, 2U);
  EXPECT_EQ(touches[0].mm, 1U);
  EXPECT_EQ(touches[1].task, 3U);
  EXPECT_EQ(touches[1].mm, 2U);
}

// The kernel uses the memory of a dead address space again: the pointer is the
// same, the identity is new.
TEST_F(Translation, GivesAReusedPointerANewIdentity) {
  exec(1, kMmA);
  fork(1, 2, kMmB);
  exit(2, 0);
  mm_gone(2, kMmB);
  fork(1, 3, kMmB);
  EXPECT_EQ(out.of(Kind::kMmGone)[0].mm, 2U);
  EXPECT_EQ(out.of(Kind::kFork)[1].args[1], 3U);
  EXPECT_EQ(translator.open_mms(), 2U);
}

// Address spaces of other people's processes end too, and are nobody's.
TEST_F(Translation, IgnoresTheEndOfForeignAddressSpaces) {
  exec(1, kMmA);
  mm_gone(0, 0x777000);
  EXPECT_THAT(out.of(Kind::kMmGone), testing::IsEmpty());
  EXPECT_EQ(translator.totals().strays, 0U);
}

// A task past its exit record may fault once more while it lets go of its
// memory; the kernel counts that, so its exit does.
TEST_F(Translation, CountsAFaultAfterTheExitRecord) {
  exec(1, kMmA);
  fork(1, 2, kMmA, 0x100);
  exit(2, 10);
  touch(2, 0x1000, TouchBits::kWrite | TouchBits::kKernel);
  translator.finish();
  EXPECT_EQ(out.events.back().kind, Kind::kExit);
  EXPECT_EQ(out.events.back().args[0], 11U);
  EXPECT_EQ(translator.totals().late_touches, 1U);
  EXPECT_EQ(translator.totals().min_flt, 11U);
}

// An exit is written before the end of its task's address space.
TEST_F(Translation, WritesExitBeforeMmGone) {
  exec(1, kMmA);
  exit(1, 5);
  mm_gone(1, kMmA);
  EXPECT_THAT(out.kinds(), ElementsAre(Kind::kExec, Kind::kVma, Kind::kExit, Kind::kMmGone));
}

// A touch that the kernel refused to serve (page faults were off) is kept but
// is no counted fault.
TEST_F(Translation, DoesNotCountWhatTheKernelDidNotServe) {
  exec(1, kMmA);
  touch(1, 0x1000, TouchBits::kUncounted | TouchBits::kKernel);
  touch(1, 0x1000, TouchBits::kKernel);
  EXPECT_EQ(out.of(Kind::kTouch).size(), 2U);
  EXPECT_EQ(translator.totals().touches, 1U);
}

// A file is told once, before its first use; again only when it has changed.
TEST_F(Translation, TellsAFileBeforeItsFirstUseAndWhenItGrew) {
  exec(1, kMmA);
  for (const std::uint64_t size : {4096U, 4096U, 8192U}) {
    auto r = make<qr_syscall_file>(QR_SYSCALL_FILE, 1);
    r.call.head.aux = static_cast<std::uint16_t>(trace::Sys::kMmap);
    r.call.result = 0x7f0000000000;
    r.file = file(9, "data", size);
    feed(r);
  }
  auto around = make<qr_fault_around>(QR_FAULT_AROUND, 1);
  around.first = 4;
  around.last = 15;
  around.dev = (8U << 20) | 1;
  around.ino = 9;
  feed(around);
  EXPECT_THAT(out.kinds(), ElementsAre(Kind::kExec, Kind::kVma, Kind::kFile, Kind::kSyscall, Kind::kSyscall,
                                       Kind::kFile, Kind::kSyscall, Kind::kFaultAround));
  EXPECT_THAT(out.events[2].args, ElementsAre(0x801, 9, 4096, 0, 0, 0));
  EXPECT_EQ(out.events[2].text, "data");
  EXPECT_EQ(out.events[6].file, 1U);
  EXPECT_EQ(out.events[7].file, 1U);
  EXPECT_THAT(out.events[7].args, ElementsAre(4, 15, 0, 0, 0, 0));
}

// Where a call begins and where it returns are told apart; the result belongs
// to the return.
TEST_F(Translation, KeepsThePhaseOfACall) {
  exec(1, kMmA);
  call(1, trace::Sys::kMremap, trace::Phase::kEnter, 0x1000, 0);
  call(1, trace::Sys::kMremap, trace::Phase::kExit, 0x1000, -12);
  const auto calls = out.of(Kind::kSyscall);
  EXPECT_EQ(calls[0].phase, trace::Phase::kEnter);
  EXPECT_EQ(calls[1].phase, trace::Phase::kExit);
  EXPECT_EQ(calls[1].sys, trace::Sys::kMremap);
  EXPECT_EQ(calls[1].args[0], 0x1000U);
  EXPECT_EQ(calls[1].result, -12);
}

// Clocks of two processors may disagree by a little; the order of the ring is
// the truth, and time never runs backwards in a recording.
TEST_F(Translation, NeverLetsTimeFall) {
  exec(1, kMmA);
  now = kStart + 50'000;
  touch(1, 0x1000);
  now = kStart + 10'000;
  touch(1, 0x2000);
  EXPECT_EQ(out.events[2].time_us, 52U);
  EXPECT_EQ(out.events[3].time_us, 52U);
}

// Records of tasks nobody introduced, and records that are cut short, are
// counted: a recording with strays is not complete.
TEST_F(Translation, CountsRecordsItCannotPlace) {
  exec(1, kMmA);
  touch(9, 0x1000);
  qr_touch cut{};
  cut.head.kind = QR_TOUCH;
  cut.head.task = 1;
  translator.feed(std::as_bytes(std::span(&cut, 1)).first(sizeof(qr_head)));
  EXPECT_EQ(translator.totals().strays, 2U);
  EXPECT_THAT(out.of(Kind::kTouch), testing::IsEmpty());
}

// The kernel's mapping flags in our bits; what makes a mapping special for the
// kernel makes it special here.
TEST(VmaBitsOf, FollowTheKernels) {
  using B = trace::VmaBits;
  EXPECT_EQ(vma_bits(0x8 | 0x1 | 0x2), B::kShared | B::kRead | B::kWrite);
  EXPECT_EQ(vma_bits(0x20000000), B::kHugepage);
  EXPECT_EQ(vma_bits(0x40000000), B::kNoHugepage);
  EXPECT_EQ(vma_bits(0x400), B::kPfnMap | B::kSpecial);
  EXPECT_EQ(vma_bits(0x40000), B::kSpecial);
  EXPECT_EQ(vma_bits(0x70), 0U);  // VM_MAYREAD and its like are no business of ours
}

}  // namespace
}  // namespace quire::record
