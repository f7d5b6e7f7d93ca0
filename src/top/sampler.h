// top/sampler.h - which process is looked at next, so that looking never takes
// more than its budget.
//
// A look at a process takes CPU time in proportion to its pages: half a second
// for 10 GiB of small ones. So each interval has a budget, looks go on where they
// stopped in the interval before, and every figure has an age. Turns go by age
// divided by the root of what the last look took: a process that takes a hundred
// times as long is looked at a tenth as often. One that neither ran nor faulted
// rests for a while.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quire/result.h"
#include "top/frame.h"

namespace quire::top {

// One look at one process, in steps of a few milliseconds.
class Look {
 public:
  virtual ~Look() = default;
  enum class State : std::uint8_t { kMore, kDone, kGone };
  [[nodiscard]] virtual Result<State, Diagnostic> step() = 0;
  // After kDone. `at` and `cost` are the sampler's to fill in.
  [[nodiscard]] virtual FolioSample result() = 0;
};

// What is outside of the sampler.
struct Outside {
  std::function<Result<std::unique_ptr<Look>, Diagnostic>(pid_t)> begin;
  std::function<Time()> now;  // steady
  std::function<Time()> cpu;  // of this thread
};

struct Candidate {
  pid_t pid = 0;
  std::uint64_t started = 0;  // tells a pid that was used again
  ByteCount rss;
  std::uint64_t activity = 0;  // the same number as before: it neither ran nor faulted
};

// Refers to   : what Outside refers to
// Invariants  : I-TOP-1 work() stops at the first step that ends beyond the budget
//               I-TOP-2 within a round no process is looked at twice, and none
//                       takes more than half of the budget while another waits
class Sampler {
 public:
  explicit Sampler(Outside outside) : outside_(std::move(outside)) {}

  // A new interval. What is not alive is forgotten.
  void begin_round(const std::vector<Candidate>& alive, Time budget);
  enum class Work : std::uint8_t { kLeft, kNone };
  // Looks on for about `slice` of CPU time. kNone: this round is over.
  [[nodiscard]] Work work(Time slice);

  // The last sample; none yet, and why.
  [[nodiscard]] std::optional<FolioSample> sample_of(pid_t pid) const;
  [[nodiscard]] std::string reason_of(pid_t pid) const;
  // It may not be looked at.
  [[nodiscard]] bool refused(pid_t pid) const;
  // Samples finished in this round.
  [[nodiscard]] std::size_t finished() const { return finished_; }

 private:
  struct Entry {
    Candidate process;
    std::optional<FolioSample> sample;
    std::optional<Diagnostic> refusal;
    std::uint64_t seen_activity = 0;  // when the last look began
    std::unique_ptr<Look> look;       // begun, and not at its end
    Time last{}, cost{};              // of the last look: its end, its CPU time
    Time cost_of_look{};              // of this one, so far
    Time spent{};                     // in this round
    [[nodiscard]] bool unknown() const { return !sample && !refusal; }
  };
  enum class Outcome : std::uint8_t { kMore, kSample, kRefusal };

  void queue_by_urgency();
  // One step, and what it took.
  [[nodiscard]] Outcome step(Entry& entry);
  [[nodiscard]] Outcome advance(Entry& entry);

  Outside outside_;
  std::map<pid_t, Entry> entries_;
  std::deque<Entry*> queue_;  // whose turn it is in this round
  Time budget_{}, spent_{};
  std::size_t finished_ = 0;
};

}  // namespace quire::top
