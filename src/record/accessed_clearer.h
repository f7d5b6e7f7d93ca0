// record/accessed_clearer.h - clears the accessed bits of the recorded
// processes, seldom enough to be cheap.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <span>

#include "live/unique_fd.h"

namespace quire::record {

// Writes 1 into /proc/PID/clear_refs. That takes 24 to 30 ms for each GiB with
// the address space locked, forty times what reading costs: so the next
// clearing waits until a hundred times what the last one took have passed.
class AccessedClearer {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kShare = 100;

  [[nodiscard]] bool due(Clock::time_point now) const { return now >= next_; }
  // Clears all of `pids`. A process that has gone meanwhile is no error.
  void clear(std::span<const pid_t> pids);
  [[nodiscard]] std::uint64_t times() const { return times_; }
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }
  [[nodiscard]] Clock::duration spent() const { return spent_; }

 private:
  // An open file stays with its process, whoever gets the number next.
  std::map<pid_t, live::UniqueFd> files_;
  Clock::time_point next_ = Clock::now();
  Clock::duration spent_{};
  std::uint64_t times_ = 0;
  std::uint64_t refusals_ = 0;
};

}  // namespace quire::record
