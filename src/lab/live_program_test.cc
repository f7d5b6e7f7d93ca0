// The programs of testing_live_program.h, and that they do as they are told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "lab/testing_live_program.h"

namespace quire::lab::testing {
namespace {

constexpr int kTimeoutMs = 20'000;

sigjmp_buf after_segv;
void on_segv(int) { siglongjmp(after_segv, 1); }

std::uint64_t minor_faults() {
  rusage usage{};
  // The first call may itself fault on the stack of a fresh child.
  ::getrusage(RUSAGE_SELF, &usage);
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

void* pointer(std::uint64_t addr) { return reinterpret_cast<void*>(addr); }

// One byte a page. The counter is read right before and after each access.
Answer access_pages(const Command& c) {
  Answer answer;
  for (volatile std::uint64_t offset = 0; offset < c.length;) {
    const std::uint64_t at = c.addr + offset;
    offset = offset + c.stride;
    if (sigsetjmp(after_segv, 1) == 0) {
      const std::uint64_t before = minor_faults();  // sigsetjmp may have faulted itself
      auto* const byte = static_cast<volatile char*>(pointer(at));
      if (c.call == Call::kWrite) {
        *byte = static_cast<char>(1 + c.number % 100);
      } else {
        static_cast<void>(*byte);
      }
      answer.faults += minor_faults() - before;
    } else {
      ++answer.segv;
    }
  }
  return answer;
}

Answer answer_of(long result) {
  Answer answer;
  if (result == -1) {
    answer.error = errno;
  } else {
    answer.value = static_cast<std::uint64_t>(result);
  }
  return answer;
}

Answer perform(const Command& c) {
  void* const at = pointer(c.addr);
  switch (c.call) {
    case Call::kRead:
    case Call::kWrite:
      return access_pages(c);
    case Call::kMmap:
      return answer_of(
          ::syscall(SYS_mmap, at, c.length, c.number, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    case Call::kMunmap:
      return answer_of(::munmap(at, c.length));
    case Call::kMprotect:
      return answer_of(::mprotect(at, c.length, c.number));
    case Call::kMadvise:
      return answer_of(::madvise(at, c.length, c.number));
    case Call::kMremap:
      return answer_of(::syscall(SYS_mremap, at, c.length, c.new_length, c.number, c.to));
    case Call::kMlock:
      return answer_of(::mlock(at, c.length));
    case Call::kMunlock:
      return answer_of(::munlock(at, c.length));
    case Call::kFork:
      return answer_of(::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
    case Call::kExit:
      ::_exit(0);
  }
  return {};
}

// Small folios wait in per-processor batches that hold references; locking
// and unlocking a page empties this processor's.
void drain_batches(void* page) {
  ::mlock(page, kPageSize);
  ::munlock(page, kPageSize);
}

void become_program() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);  // the test itself may have switched it off
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  ::sched_setaffinity(0, sizeof one, &one);
  struct sigaction action{};
  action.sa_handler = on_segv;
  ::sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace

void LivePrograms::serve(const std::array<Wires, kSlots>& wires, unsigned slot) {
  become_program();
  void* const page = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Command c;
  while (::read(wires[slot].commands[0], &c, sizeof c) == static_cast<ssize_t>(sizeof c)) {
    const Answer answer = perform(c);
    if (c.call == Call::kFork && answer.error == 0 && answer.value == 0) {
      slot = c.slot;  // the child serves its own wires from now on
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      continue;
    }
    drain_batches(page);
    if (::write(wires[slot].answers[1], &answer, sizeof answer) != static_cast<ssize_t>(sizeof answer)) break;
  }
  ::_exit(1);
}

LivePrograms::LivePrograms() {
  for (Wires& w : wires_) {
    if (::pipe2(w.commands.data(), O_CLOEXEC) != 0 || ::pipe2(w.answers.data(), O_CLOEXEC) != 0) std::abort();
  }
  pids_[0] = ::fork();
  if (pids_[0] == 0) serve(wires_, 0);
}

LivePrograms::~LivePrograms() {
  for (const pid_t pid : pids_) {
    if (pid <= 0) continue;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  for (const Wires& w : wires_)
    for (const int fd : {w.commands[0], w.commands[1], w.answers[0], w.answers[1]}) ::close(fd);
}

std::optional<Answer> LivePrograms::run(unsigned slot, const Command& command) {
  if (::write(wires_[slot].commands[1], &command, sizeof command) != static_cast<ssize_t>(sizeof command))
    return std::nullopt;
  if (command.call == Call::kExit) {
    ::waitpid(pids_[slot], nullptr, 0);
    pids_[slot] = 0;
    return Answer{};
  }
  pollfd waiting{wires_[slot].answers[0], POLLIN, 0};
  Answer answer;
  if (::poll(&waiting, 1, kTimeoutMs) != 1 ||
      ::read(waiting.fd, &answer, sizeof answer) != static_cast<ssize_t>(sizeof answer)) {
    return std::nullopt;
  }
  if (command.call == Call::kFork && answer.error == 0)
    pids_[command.slot] = static_cast<pid_t>(answer.value);
  return answer;
}

namespace {

constexpr std::uint64_t kArena = 0x200000000;

// A fault is counted to the access that took it, and a bad one is survived.
TEST(LiveProgram, CountsFaultsAndSurvivesBadAccesses) {
  LivePrograms programs;
  const auto mapped = programs.run(
      0, {.call = Call::kMmap, .addr = kArena, .length = 4 * kPageSize, .number = PROT_READ | PROT_WRITE});
  ASSERT_TRUE(mapped && mapped->error == 0);
  const Command write{.call = Call::kWrite, .addr = kArena, .length = 6 * kPageSize, .stride = kPageSize};
  const auto first = programs.run(0, write);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->faults, 4U);
  EXPECT_EQ(first->segv, 2U);
  const auto second = programs.run(0, write);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->faults, 0U);
}

// The child has its own wires and ends without its parent.
TEST(LiveProgram, ForksASibling) {
  LivePrograms programs;
  ASSERT_TRUE(programs.run(
      0, {.call = Call::kMmap, .addr = kArena, .length = 4 * kPageSize, .number = PROT_READ | PROT_WRITE}));
  const auto forked = programs.run(0, {.call = Call::kFork, .slot = 1});
  ASSERT_TRUE(forked && forked->error == 0);
  ASSERT_TRUE(programs.alive(1));
  const auto gone = programs.run(0, {.call = Call::kMunmap, .addr = kArena, .length = 4 * kPageSize});
  ASSERT_TRUE(gone && gone->error == 0);
  const auto child = programs.run(1, {.call = Call::kWrite, .addr = kArena, .length = 1, .stride = 1});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->segv, 0U);
  ASSERT_TRUE(programs.run(1, {.call = Call::kExit}));
  EXPECT_FALSE(programs.alive(1));
}

}  // namespace
}  // namespace quire::lab::testing
