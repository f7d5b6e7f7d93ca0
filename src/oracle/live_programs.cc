#include "oracle/live_programs.h"

#include <fcntl.h>
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

#include "base/check.h"

namespace quire::litmus {
namespace {

constexpr int kTimeoutMs = 20'000;

sigjmp_buf after_signal;
void on_signal(int signal) { siglongjmp(after_signal, signal); }

std::uint64_t minor_faults() {
  rusage usage{};
  // The first call may itself fault on the stack of a fresh child.
  ::getrusage(RUSAGE_SELF, &usage);
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

void* pointer(std::uint64_t addr) { return reinterpret_cast<void*>(addr); }

// One byte each. The counter is read right before and after each access.
Answer access(const Command& c) {
  Answer answer;
  for (volatile std::uint64_t offset = 0; offset < c.length;) {
    const std::uint64_t at = c.addr + offset;
    offset = offset + c.stride;
    if (const int signal = sigsetjmp(after_signal, 1); signal == 0) {
      const std::uint64_t before = minor_faults();  // sigsetjmp may have faulted itself
      auto* const byte = static_cast<volatile unsigned char*>(pointer(at));
      int found = c.value;
      if (c.call == Call::kWrite) {
        *byte = static_cast<unsigned char>(c.value);
      } else {
        found = *byte;
      }
      answer.faults += minor_faults() - before;
      if (c.value >= 0 && found != c.value) ++answer.wrong;
    } else {
      ++answer.bad;
      answer.signal = signal;
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
      return access(c);
    case Call::kMmap:
      return answer_of(::syscall(SYS_mmap, at, c.length, c.number, c.flags, -1, 0));
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
    case Call::kPrctl:
      return answer_of(::prctl(PR_SET_THP_DISABLE, c.number, c.flags, 0, 0));
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
  ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);  // the parent itself may have switched it off
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  ::sched_setaffinity(0, sizeof one, &one);
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGSEGV, &action, nullptr);
  ::sigaction(SIGBUS, &action, nullptr);
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
  for (Wires& w : wires_)
    QUIRE_CHECK(::pipe2(w.commands.data(), O_CLOEXEC) == 0 && ::pipe2(w.answers.data(), O_CLOEXEC) == 0);
  pids_[0] = ::fork();
  QUIRE_CHECK(pids_[0] >= 0);
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

}  // namespace quire::litmus
