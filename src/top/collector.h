// top/collector.h - reads the host again and again into a Frame.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "quire/result.h"
#include "top/frame.h"
#include "top/looks.h"
#include "top/sampler.h"

namespace quire::top {

struct Wanted {
  std::vector<pid_t> pids;  // none: all
  std::string cgroup;       // its folder; empty: all
  Time interval{};          // from one read() to the next
  double budget = 0.05;     // of one cpu, for looking at folios
};

// Use: read(), then look() while there is time, then read() again.
class Collector {
 public:
  explicit Collector(Wanted wanted);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Counters, memory, processes; the folios as look() has found them. kFailure
  // when the cgroup is none.
  [[nodiscard]] Result<Frame, Diagnostic> read();
  // Looks at folios for about `slice` of CPU time. kNone: the budget of this
  // interval is gone, or all have been looked at.
  [[nodiscard]] Sampler::Work look(Time slice) { return sampler_.work(slice); }

  void set_interval(Time interval) { wanted_.interval = interval; }

 private:
  struct Earlier {
    live::ProcessStat stat;
    Time at{};
  };
  [[nodiscard]] Result<std::vector<pid_t>, Diagnostic> pids() const;
  [[nodiscard]] Result<void, Diagnostic> list(Time now);
  [[nodiscard]] Process process_of(live::ProcessStat stat, uid_t uid, Time now);
  const std::string& user_name(uid_t uid);
  void put_samples(Frame& frame) const;
  [[nodiscard]] std::vector<Candidate> candidates() const;

  Wanted wanted_;
  Looks looks_;
  Sampler sampler_;
  live::ThpCounters counters_;
  Reading first_, last_;
  Time last_cpu_{};                   // of this program, at last_
  std::vector<Process> processes_;    // as listed last
  std::map<pid_t, Earlier> earlier_;  // the listing before
  Time list_again_{};                 // not before that
  std::map<uid_t, std::string> users_;
};

}  // namespace quire::top
