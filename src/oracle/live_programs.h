// oracle/live_programs.h - programs on the running kernel that do one memory
// call at a time, on command.
//
// Each program is a process that touches nothing but what it is told to between
// two commands: no heap, no stack growth, one processor. Programs fork siblings,
// so that this process is everyone's parent and sees everyone's end.
#pragma once

#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <vector>

#include "litmus/experiment.h"
#include "quire/types.h"

namespace quire::litmus {

enum class Call : std::uint8_t {
  kRead,
  kWrite,
  kMmap,
  kMunmap,
  kMprotect,
  kMadvise,
  kMremap,
  kMlock,
  kMunlock,
  kPrctl,
  kSwapoff,  // of /dev/zram`number`
  kSwapon,   // `flags` as swapon(2)
  kPin,
  kUnpin,
  kPinToRead,
  kUffd,  // `number` is a Uffd::Op
  kFork,
  kExec,  // this very program, which then goes on to serve
  kExit,
};

struct Command {
  Call call = Call::kRead;
  std::uint64_t addr = 0, length = 0, stride = kPageSize;
  int number = 0;                           // prot, advice, MREMAP_*, what prctl is told
  int flags = 0;                            // MAP_*, flags of prctl
  int value = -1;                           // the byte to write or to find; a read with -1 only touches
  std::optional<Fill> fill = std::nullopt;  // what whole pages are to be instead
  std::uint64_t first_page = 0;             // the number of the first page for that
  std::uint64_t to = 0, new_length = 0;
  unsigned slot = 0;  // of the child
};

struct Answer {
  int error = 0;             // errno; 0: success
  std::uint64_t value = 0;   // an address, a pid
  std::uint64_t faults = 0;  // of reads and writes: minor faults
  std::uint64_t majors = 0;  // major ones
  std::uint64_t bad = 0;     // of them: accesses that ended in a signal
  int signal = 0;            // the last of these
  std::uint64_t wrong = 0;   // reads that found another byte
  bool killed = false;       // it was killed before it could answer
};

// To a system call that returned `result`, for the program itself: -1 is an error.
[[nodiscard]] inline Answer answer_to(long result) {
  Answer answer;
  if (result == -1) {
    answer.error = errno;
  } else {
    answer.value = static_cast<std::uint64_t>(result);
  }
  return answer;
}

inline constexpr unsigned kSlots = 8;

// The pipes of one program.
struct Wires {
  std::array<int, 2> commands{-1, -1}, answers{-1, -1};
};
using AllWires = std::array<Wires, kSlots>;

// LivePrograms starts the program of slot 0, and kills what is left at the end.
class LivePrograms {
 public:
  LivePrograms();
  ~LivePrograms();
  LivePrograms(const LivePrograms&) = delete;
  LivePrograms& operator=(const LivePrograms&) = delete;

  [[nodiscard]] bool alive(unsigned slot) const { return pids_[slot] != 0; }
  [[nodiscard]] pid_t pid(unsigned slot) const { return pids_[slot]; }
  // Nothing when the program did not answer in time.
  [[nodiscard]] std::optional<Answer> run(unsigned slot, const Command& command);
  // The slots of programs that somebody else killed and nobody was told of yet. Waits until there
  // are as many as must come, for a killed program takes its time to end; false: they do not come.
  [[nodiscard]] bool collect_killed(std::uint64_t expected, std::vector<unsigned>& slots);

 private:
  [[nodiscard]] std::optional<Answer> answer_of(unsigned slot);
  [[nodiscard]] bool wait_for(unsigned slot) const;
  void let_pins_go();

  AllWires wires_;
  std::array<pid_t, kSlots> pids_{};
  bool pinned_ = false;           // some program has pinned pages
  bool stuck_ = false;            // some program has not answered
  std::vector<unsigned> killed_;  // and not collected
};

}  // namespace quire::litmus
