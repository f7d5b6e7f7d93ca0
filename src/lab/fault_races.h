// lab/fault_races.h - faults that several threads take for one folio.
//
// While a thread's fault fills a folio, a thread that touches any page of it
// faults as well, and finds the folio there: counted by the kernel, no page
// gained. Recorded with small pages the two touched different pages, so the
// time between them is all that tells. How long a fault keeps its thread is a
// model (fault_time_us); the order of events is the recording's.
#pragma once

#include <cstdint>
#include <vector>

#include "quire/types.h"
#include "trace/event.h"

namespace quire::lab {

// How long a fault that fills so many pages takes: the fixed part and the
// clearing, as docs/benchmarks.md measured them on the kernel (2.7 us, 10 us
// and 210 us for 4K, 64K and 2M).
[[nodiscard]] constexpr std::uint64_t fault_time_us(PageCount filled) { return 3 + filled.raw() * 2 / 5; }

// The faults that are being served, of all threads.
//
// Invariants  : I-RACE-1 at most one fault a task
class FaultRaces {
 public:
  // `task` shares its address space with another task from now on.
  void shares(trace::MmId mm);
  // Whether faults in `mm` have to be told at all.
  [[nodiscard]] bool watches(trace::MmId mm) const { return mm < shared_.size() && shared_[mm]; }

  // `task` began to fill `folio`, a range of its address space.
  void served(trace::MmId mm, trace::TaskId task, VirtRange folio, std::uint64_t now_us);
  // A touch of `task` that finds its page mapped: whether it loses a race,
  // because another task is filling that folio right now. The loser is then in
  // a fault of its own until that folio is there.
  [[nodiscard]] bool loses(trace::MmId mm, trace::TaskId task, VirtAddr addr, std::uint64_t now_us);
  // `task` does something else, so its fault is over.
  void over(trace::TaskId task);

 private:
  struct Fault {
    trace::MmId mm = 0;
    trace::TaskId task = 0;
    VirtRange folio;
    std::uint64_t until_us = 0;
  };
  std::vector<bool> shared_;    // by mm id
  std::vector<Fault> serving_;  // few: at most one a thread
};

}  // namespace quire::lab
