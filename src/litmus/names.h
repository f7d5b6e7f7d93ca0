// litmus/names.h - the names of an experiment: which are used, which stand for
// which addresses.
#pragma once

#include <string>
#include <vector>

#include "litmus/experiment.h"
#include "quire/result.h"

namespace quire::litmus {

// Every place that an action mentions, that of its range included.
[[nodiscard]] std::vector<const Place*> places_of(const Action& action);
[[nodiscard]] std::vector<const Place*> places_of(const Claim& claim);

// Refuses names that were not declared before, and processes that are not there.
[[nodiscard]] Result<void, Diagnostic> check_names(const Experiment& experiment, const std::string& file);

// The addresses that the names of an experiment stand for, the same on every
// side and in every process.
//
// Invariants: I-NAMES-1 blocks that were not placed lie apart from each other
//             by at least 2 MiB, so that mappings never merge
class Names {
 public:
  // Of an experiment that check_names accepts.
  explicit Names(const Experiment& experiment);

  struct Block {
    std::string name;
    VirtRange range;
    std::size_t step = 0;  // that declares it
  };
  // In the order they were declared.
  [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }
  [[nodiscard]] VirtRange block(const std::string& name) const;

  [[nodiscard]] VirtAddr at(const Place& place) const;
  [[nodiscard]] VirtRange of(const Range& range) const;
  // The other way: "A+20K", or the number when no block contains it.
  [[nodiscard]] std::string name_of(VirtAddr addr) const;

 private:
  void declare(const std::string& name, ByteCount size, const Location& location, std::size_t step);
  std::vector<Block> blocks_;
  VirtAddr next_;
};

// The processes alive after each step of an experiment, in the order of their
// forks. A step that is expected to fail makes none, and ends none but who is to be killed.
class Lives {
 public:
  Lives() : alive_{kFirstProcess} {}
  [[nodiscard]] bool has(const std::string& process) const;
  [[nodiscard]] const std::vector<std::string>& alive() const { return alive_; }
  void after(const Step& step);
  void end(const std::string& process);

 private:
  std::vector<std::string> alive_;
};

}  // namespace quire::litmus
