#include "record/perf_assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <vector>

#include "record/translate.h"

namespace quire::record {
namespace {

using testing::ElementsAre;
using trace::Event;
using trace::Kind;
using Type = PerfEvent::Type;

constexpr std::uint32_t kRoot = 100;

// Goes all the way to events: what counts is what stands in the recording.
class Assembly : public testing::Test, public EventSink {
 protected:
  void take(const Event& event) override { events.push_back(event); }

  PerfEvent make(Type type, std::uint32_t tid) {
    PerfEvent e;
    e.type = type;
    e.pid = e.tid = tid;
    e.time_ns = now += 1000;
    return e;
  }
  void feed(const PerfEvent& e) {
    assembler.feed(e, [this](std::span<const std::byte> record) { translator.feed(record); });
  }
  void exec(std::uint32_t tid, const char* comm = "prog") {
    PerfEvent e = make(Type::kExec, tid);
    e.text = comm;
    feed(e);
  }
  void map(std::uint32_t tid, std::uint64_t begin, std::uint64_t end, const char* path,
           std::uint64_t inode = 0, std::uint64_t pgoff = 0) {
    PerfEvent e = make(Type::kMmap, tid);
    e.address = begin;
    e.end = end;
    e.prot = PROT_READ;
    e.flags = MAP_PRIVATE;
    e.inode = inode;
    e.dev = inode != 0 ? 1 : 0;
    e.pgoff = pgoff;
    e.text = path;
    feed(e);
  }
  void fault(std::uint32_t tid, std::uint64_t address, std::uint8_t flags = 0) {
    PerfEvent e = make(Type::kFault, tid);
    e.address = address;
    e.touch_flags = flags;
    feed(e);
  }
  void enter(std::uint32_t tid, long number, std::array<std::uint64_t, 6> args = {}) {
    PerfEvent e = make(Type::kEnter, tid);
    e.number = static_cast<std::uint64_t>(number);
    e.args = args;
    feed(e);
  }
  void back(std::uint32_t tid, long number, std::int64_t result) {
    PerfEvent e = make(Type::kReturn, tid);
    e.number = static_cast<std::uint64_t>(number);
    e.result = result;
    feed(e);
  }
  void fork(std::uint32_t parent, std::uint32_t pid, std::uint32_t tid) {
    PerfEvent e = make(Type::kFork, parent);
    e.child_pid = pid;
    e.child_tid = tid;
    feed(e);
  }
  void start_program() {
    exec(kRoot);
    fault(kRoot, 0x1000);
    events.clear();
  }
  [[nodiscard]] std::vector<Kind> kinds() const {
    std::vector<Kind> all;
    for (const Event& e : events) all.push_back(e.kind);
    return all;
  }

  std::uint64_t now = 0;
  std::vector<Event> events;
  std::optional<PerfLookup::Layout> layout = PerfLookup::Layout{.start_brk = 0x9000,
                                                                .brk = 0x9000,
                                                                .arg_start = 0x7ffff000,
                                                                .env_end = 0x7ffff800,
                                                                .start_stack = 0x7fffe000};
  PerfAssembler assembler{
      kRoot,
      {.file = [](const std::string&, std::uint64_t) { return PerfLookup::FileFacts{.size = 77, .bits = 0}; },
       .layout = [this](std::uint32_t) { return layout; },
       .exists = [](std::uint32_t) { return false; }}};
  Translator translator{*this, Scrubber(), 0};
};

// The mappings between an exec and the first step in user mode are its
// snapshot; the kernel's own touches of that time come after it.
TEST_F(Assembly, MakesASnapshotOfTheMappingsOfLoading) {
  exec(kRoot);
  map(kRoot, 0x1000, 0x5000, "/bin/prog", 42);
  fault(kRoot, 0x4800, trace::TouchBits::kKernel | trace::TouchBits::kWrite);
  map(kRoot, 0x7fff0000, 0x80000000, "[stack]");
  EXPECT_THAT(events, testing::IsEmpty());
  fault(kRoot, 0x1000, trace::TouchBits::kExecute);
  EXPECT_THAT(kinds(),
              ElementsAre(Kind::kFile, Kind::kExec, Kind::kVma, Kind::kVma, Kind::kTouch, Kind::kTouch));
  EXPECT_EQ(events[0].text, "prog");
  EXPECT_EQ(events[0].args[2], 77U);
  EXPECT_EQ(events[1].args[1], 0x9000U);
  EXPECT_EQ(events[1].result, 0x80000000);
  EXPECT_EQ(events[3].args[2], trace::VmaBits::kRead | trace::VmaBits::kGrowsDown | trace::VmaBits::kStack);
  EXPECT_EQ(events[4].addr, VirtAddr(0x4800));
}

// Segments lie over the whole mapping that reserved their place.
TEST_F(Assembly, LaysLaterMappingsOverEarlierOnes) {
  exec(kRoot);
  map(kRoot, 0x10000, 0x18000, "/bin/prog", 42);
  map(kRoot, 0x12000, 0x14000, "/bin/prog", 42, 0x6000);
  fault(kRoot, 0x10000);
  std::vector<std::array<std::uint64_t, 3>> vmas;
  for (const Event& e : events) {
    if (e.kind == Kind::kVma) vmas.push_back({e.args[0], e.args[1], e.args[3]});
  }
  using Vma = std::array<std::uint64_t, 3>;
  EXPECT_THAT(vmas,
              ElementsAre(Vma{0x10000, 0x12000, 0}, Vma{0x12000, 0x14000, 6}, Vma{0x14000, 0x18000, 4}));
}

// A process that has already gone cannot be asked: brk and the arguments are
// put where exec puts them.
TEST_F(Assembly, EstimatesTheLayoutOfAProcessThatIsGone) {
  layout.reset();
  exec(kRoot);
  map(kRoot, 0x10000, 0x18000, "/bin/prog", 42);
  map(kRoot, 0x7fff0000, 0x80000000, "[stack]");
  fault(kRoot, 0x10000);
  const Event& e = events[1];
  ASSERT_EQ(e.kind, Kind::kExec);
  EXPECT_EQ(e.args[1], 0x18000U);
  EXPECT_EQ(e.args[3] >> 12, 0x7ffffU);
  EXPECT_EQ(e.result, 0x80000000);
}

// A call's arguments come from where it began, its result from where it
// returned, its file from the mapping made between.
TEST_F(Assembly, JoinsACallWithItsResultAndFile) {
  start_program();
  enter(kRoot, SYS_mmap, {0, 0x2000, 1, 2, 3, 0});
  map(kRoot, 0x50000, 0x52000, "/tmp/data", 43);
  back(kRoot, SYS_mmap, 0x50000);
  ASSERT_THAT(kinds(), ElementsAre(Kind::kFile, Kind::kSyscall));
  EXPECT_EQ(events[1].file, events[0].file);
  EXPECT_EQ(events[1].args[1], 0x2000U);
  EXPECT_EQ(events[1].result, 0x50000);
}

// munmap takes effect where it begins and is told again only if it failed;
// mremap is told at both.
TEST_F(Assembly, TellsCallsAtTheirPhase) {
  start_program();
  enter(kRoot, SYS_munmap, {0x1000, 0x1000});
  back(kRoot, SYS_munmap, 0);
  enter(kRoot, SYS_munmap, {1, 0x1000});
  back(kRoot, SYS_munmap, -22);
  enter(kRoot, SYS_mremap, {0x1000});
  back(kRoot, SYS_mremap, 0x3000);
  std::vector<trace::Phase> phases;
  for (const Event& e : events) phases.push_back(e.phase);
  EXPECT_THAT(phases, ElementsAre(trace::Phase::kEnter, trace::Phase::kEnter, trace::Phase::kExit,
                                  trace::Phase::kEnter, trace::Phase::kExit));
}

// Threads and vfork children share, forked children copy; an address space is
// gone with its last user.
TEST_F(Assembly, InfersWhoSharesAnAddressSpace) {
  start_program();
  fork(kRoot, kRoot, 101);
  enter(kRoot, SYS_clone, {0x1200000});
  fork(kRoot, 200, 200);
  enter(kRoot, SYS_vfork);
  fork(kRoot, 300, 300);
  ASSERT_THAT(kinds(), ElementsAre(Kind::kFork, Kind::kFork, Kind::kFork));
  EXPECT_EQ(events[0].args[1], 0U);
  EXPECT_NE(events[1].args[1], 0U);
  EXPECT_EQ(events[2].args[1], 0U);
  events.clear();
  for (const std::uint32_t tid : {kRoot, 101U, 300U}) feed(make(Type::kExit, tid));
  EXPECT_THAT(kinds(), ElementsAre(Kind::kExit, Kind::kExit, Kind::kExit, Kind::kMmGone));
  EXPECT_EQ(assembler.alive(), 1U);
}

// When a thread other than the first executes a program, it goes on under the
// first one's number.
TEST_F(Assembly, FollowsAThreadThatExecutes) {
  start_program();
  fork(kRoot, kRoot, 101);
  feed(make(Type::kExit, kRoot));
  exec(kRoot, "other");
  fault(kRoot, 0x2000);
  const Event& touch = events.back();
  EXPECT_EQ(touch.kind, Kind::kTouch);
  EXPECT_EQ(touch.task, 2U);
  EXPECT_EQ(assembler.alive(), 1U);
}

// Ends that were lost do not keep the recording waiting for ever.
TEST_F(Assembly, ForgetsTasksTheSystemDoesNotKnow) {
  start_program();
  fork(kRoot, 200, 200);
  assembler.forget_the_dead([this](std::span<const std::byte> record) { translator.feed(record); });
  EXPECT_EQ(assembler.alive(), 0U);
}

}  // namespace
}  // namespace quire::record
