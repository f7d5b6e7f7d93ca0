// live/tree_program.h - the loaded BPF program of the tree counter.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>

#include "live/tree_counter.h"
#include "quire/result.h"

namespace quire::live {

// TreeProgram counts the tree of one command.
//
// States     : Attached -> watch(pid) -> the command runs -> tree empty
// Owns       : the program, its maps and its places in the kernel
// Invariants : I-TREE-1 nothing is counted for a task that is not the watched
//                       process after its execve or a descendant of it
//              I-TREE-2 a task that could not be noted fails the run: counts()
//                       never gives a part for the whole
class TreeProgram {
 public:
  [[nodiscard]] static Result<TreeProgram, Diagnostic> attach();
  TreeProgram(TreeProgram&&) noexcept;
  TreeProgram& operator=(TreeProgram&&) = delete;
  ~TreeProgram();

  // Names the process whose execve begins the tree.
  void watch(pid_t pid);

  // Once the command has been executed: later system calls need no look.
  void command_started();

  // Waits until no task of the tree is left, at most until `deadline`.
  enum class Wait { empty, deadline };
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] Wait wait_until_empty(std::optional<Clock::time_point> deadline);

  // SIGKILL for every process of the tree that is alive at the moment.
  void kill_all();

  // Everything but wait status, user and system time.
  [[nodiscard]] Result<TreeCounts, Diagnostic> counts() const;

 private:
  struct State;
  explicit TreeProgram(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quire::live
