#include "oracle/live_program.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "litmus/fill.h"
#include "oracle/program_pins.h"
#include "oracle/program_uffd.h"

namespace quire::litmus {
namespace {

sigjmp_buf after_signal;
void on_signal(int signal) { siglongjmp(after_signal, signal); }

struct Faults {
  std::uint64_t minor = 0, major = 0;
};
Faults faults() {
  rusage usage{};
  // The first call may itself fault on the stack of a fresh child.
  ::getrusage(RUSAGE_SELF, &usage);
  ::getrusage(RUSAGE_SELF, &usage);
  return {static_cast<std::uint64_t>(usage.ru_minflt), static_cast<std::uint64_t>(usage.ru_majflt)};
}

void* pointer(std::uint64_t addr) { return reinterpret_cast<void*>(addr); }

// Of the page at `at`, whose first byte was touched. False: a read found others.
bool access_page(const Command& c, std::uint64_t at) {
  auto* const words = static_cast<volatile std::uint64_t*>(pointer(at));
  FillWords fill(*c.fill, c.first_page + (at - c.addr) / kPageSize);
  bool same = true;
  for (std::size_t i = 0; i < kPageSize / sizeof *words; ++i) {
    const std::uint64_t word = fill.next();
    if (c.call == Call::kWrite) {
      words[i] = word;
    } else {
      same = words[i] == word && same;
    }
  }
  return same;
}

// One byte each, or pages after their first. The counters are read right before
// and after each access.
Answer access(const Command& c) {
  Answer answer;
  for (volatile std::uint64_t offset = 0; offset < c.length;) {
    const std::uint64_t at = c.addr + offset;
    offset = offset + c.stride;
    if (const int signal = sigsetjmp(after_signal, 1); signal == 0) {
      const Faults before = faults();  // sigsetjmp may have faulted itself
      auto* const byte = static_cast<volatile unsigned char*>(pointer(at));
      int found = c.value;
      if (c.call == Call::kWrite) {
        *byte = static_cast<unsigned char>(c.value);
      } else {
        found = *byte;
      }
      const Faults after = faults();
      answer.faults += after.minor - before.minor;
      answer.majors += after.major - before.major;
      const bool same = c.fill ? access_page(c, at) : c.value < 0 || found == c.value;
      if (!same) ++answer.wrong;
    } else {
      ++answer.bad;
      answer.signal = signal;
    }
  }
  return answer;
}

Answer swap_call(const Command& c) {
  std::array<char, 32> device{};
  std::snprintf(device.data(), device.size(), "/dev/zram%d", c.number);
  return answer_to(c.call == Call::kSwapon ? ::swapon(device.data(), c.flags) : ::swapoff(device.data()));
}

Answer perform(const Command& c) {
  void* const at = pointer(c.addr);
  switch (c.call) {
    case Call::kRead:
    case Call::kWrite:
      return access(c);
    case Call::kMmap:
      return answer_to(::syscall(SYS_mmap, at, c.length, c.number, c.flags, -1, 0));
    case Call::kMunmap:
      return answer_to(::munmap(at, c.length));
    case Call::kMprotect:
      return answer_to(::mprotect(at, c.length, c.number));
    case Call::kMadvise:
      return answer_to(::madvise(at, c.length, c.number));
    case Call::kMremap:
      return answer_to(::syscall(SYS_mremap, at, c.length, c.new_length, c.number, c.to));
    case Call::kMlock:
      return answer_to(::mlock(at, c.length));
    case Call::kMunlock:
      return answer_to(::munlock(at, c.length));
    case Call::kPrctl:
      return answer_to(::prctl(PR_SET_THP_DISABLE, c.number, c.flags, 0, 0));
    case Call::kSwapoff:
    case Call::kSwapon:
      return swap_call(c);
    case Call::kFork:
      return answer_to(::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
    default:
      break;
  }
  return {.error = ENOSYS};
}

// Small folios wait in per-processor batches that hold references; locking
// and unlocking a page empties this processor's.
void drain_batches(void* page) {
  ::mlock(page, kPageSize);
  ::munlock(page, kPageSize);
}

void become_program() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  ::sched_setaffinity(0, sizeof one, &one);
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGSEGV, &action, nullptr);
  ::sigaction(SIGBUS, &action, nullptr);
}

// What exec hands on: "quire-litmus-program SLOT FD...".
constexpr const char* kProgramName = "quire-litmus-program";
constexpr std::size_t kWords = 2 + 4 * kSlots;

std::array<int, 4> ends_of(const Wires& w) {
  return {w.commands[0], w.commands[1], w.answers[0], w.answers[1]};
}

// Only comes back when it fails.
Answer exec_again(const AllWires& wires, unsigned slot) {
  std::array<std::array<char, 16>, kWords> text{};
  std::array<char*, kWords + 1> words{};
  words[0] = const_cast<char*>(kProgramName);  // execve takes char* but writes nothing
  std::size_t n = 1;
  const auto add = [&](int number) {
    std::snprintf(text[n].data(), text[n].size(), "%d", number);
    words[n] = text[n].data();
    ++n;
  };
  add(static_cast<int>(slot));
  for (const Wires& w : wires) {
    for (const int end : ends_of(w)) {
      ::fcntl(end, F_SETFD, 0);
      add(end);
    }
  }
  ::execv("/proc/self/exe", words.data());
  return answer_to(-1);
}

// One program as it serves.
class LiveProgram {
 public:
  LiveProgram(const AllWires& wires, unsigned slot)
      : wires_(wires),
        slot_(slot),
        page_(::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    become_program();
  }

  [[noreturn]] void serve() {
    Command c;
    while (::read(wires_[slot_].commands[0], &c, sizeof c) == static_cast<ssize_t>(sizeof c)) {
      const Answer answer = perform_one(c);
      if (c.call == Call::kFork && answer.error == 0 && answer.value == 0) {
        begin_as_child(c.slot);
        continue;
      }
      drain_batches(page_);
      if (!send(answer)) break;
    }
    ::_exit(1);
  }

  [[nodiscard]] bool send(const Answer& answer) const {
    return ::write(wires_[slot_].answers[1], &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer);
  }

 private:
  Answer perform_one(const Command& c) {
    switch (c.call) {
      case Call::kPin:
        return pins_.pin(c);
      case Call::kUnpin:
        return pins_.unpin(c);
      case Call::kPinToRead:
        return ProgramPins::pin_to_read(c);
      case Call::kUffd:
        return uffd_.perform(c, page_);
      case Call::kExec:
        pins_.drop_all();
        return exec_again(wires_, slot_);
      case Call::kExit:
        pins_.drop_all();
        ::_exit(0);
      default:
        return perform(c);
    }
  }

  // It serves its own wires from now on.
  void begin_as_child(unsigned slot) {
    slot_ = slot;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pins_.forget();
    uffd_.forget();
  }

  const AllWires wires_;
  unsigned slot_;
  void* const page_;
  ProgramPins pins_;
  ProgramUffd uffd_;
};

// A process that was started as one goes on to serve, before main.
[[gnu::constructor]] void serve_after_exec(int count, char** words, char** /*environment*/) {
  if (count != static_cast<int>(kWords) || std::strcmp(words[0], kProgramName) != 0) return;
  std::array<int, kWords> numbers{};
  for (std::size_t i = 1; i < kWords; ++i) numbers[i] = std::atoi(words[i]);
  AllWires wires;
  for (std::size_t i = 0; i < kSlots; ++i) {
    const int* const ends = &numbers[2 + 4 * i];
    wires[i] = {{ends[0], ends[1]}, {ends[2], ends[3]}};
  }
  LiveProgram program(wires, static_cast<unsigned>(numbers[1]));
  if (program.send({})) program.serve();
  ::_exit(1);
}

}  // namespace

void serve_as_program(const AllWires& wires, unsigned slot) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);  // the parent itself may have switched it off
  (void)exec_again(wires, slot);
  ::_exit(1);
}

}  // namespace quire::litmus
