// lab/work_meter.h - what work a modelled kernel did between two moments, from
// what it counts.
#pragma once

#include "cost/bill.h"
#include "kernel/kernel.h"

namespace quire::lab {

// Looks at a kernel before an event and after it.
//
// Refers to   : the kernel
class WorkMeter {
 public:
  explicit WorkMeter(kernel::Kernel& kernel) : kernel_(kernel) { start(); }

  void start() { before_ = now(); }
  // What was done since start(), and a new start. `served` is how a fault ended
  // that made nothing new: it mapped what was there.
  [[nodiscard]] cost::Amounts fault(cost::Work served);
  // The parent's pages are the child's as well. `parent_anon`: as it had then.
  [[nodiscard]] cost::Amounts fork(PageCount parent_anon);
  // `unmapped`: anonymous pages an address space has lost since.
  [[nodiscard]] cost::Amounts other(PageCount unmapped);

 private:
  struct Seen {
    std::array<std::int64_t, kOrderPmd.raw() + 1> made{};  // by faults, by order
    std::array<std::int64_t, kOrderPmd.raw() + 1> live{};  // large folios
    std::array<std::int64_t, kOrderPmd.raw() + 1> split{};
    std::uint64_t pages = 0;  // in folios
    std::uint64_t tables = 0;
    std::int64_t copied = 0, reused = 0, pmd_splits = 0, collapsed = 0;
  };
  [[nodiscard]] Seen now() const;
  // Splits, tables, collapses: the same for every kind of event.
  [[nodiscard]] static cost::Amounts common(const Seen& before, const Seen& after);

  kernel::Kernel& kernel_;
  Seen before_;
};

}  // namespace quire::lab
