// lab/work_meter.h - what work a modelled kernel did between two moments, from
// what it counts.
#pragma once

#include "cost/bill.h"
#include "kernel/kernel.h"

namespace quire::lab {

// Looks at a kernel before an event and after it. Faults, which come by the
// million, are told from a few sums.
//
// Refers to   : the kernel
class WorkMeter {
 public:
  explicit WorkMeter(kernel::Kernel& kernel) : kernel_(kernel), sums_(sums()) {}

  // After a fault that gave an address space `made` anonymous pages. Neither
  // `made` nor `served` nor `copies` is set when it only mapped what was there.
  [[nodiscard]] cost::Fault fault(PageCount made);

  // Before an event of another kind, and after it.
  void begin() { before_ = folios(); }
  // The parent's pages are the child's as well.
  [[nodiscard]] cost::Amounts fork(PageCount parent_anon);
  // The anonymous pages of the address space it was about, before and after: what it has lost was
  // unmapped, and what it has gained was made for it, at the price of faults (MAP_POPULATE, mlock,
  // the arguments of exec).
  struct AnonPages {
    PageCount before;
    PageCount after;
  };
  [[nodiscard]] cost::Amounts other(AnonPages pages);

 private:
  struct Sums {
    std::uint64_t tables = 0, copied = 0, reused = 0, pmd_splits = 0, collapsed = 0;
    std::uint64_t swapped_in = 0, swapped_out = 0;  // pages, zeroes left out
    std::uint64_t taken_by_kswapd = 0, taken_directly = 0;
  };
  struct Folios {
    using ByOrder = std::array<std::int64_t, kOrderPmd.raw() + 1>;
    ByOrder made{};  // by faults
    ByOrder live{};
    ByOrder split{};
    std::uint64_t pages = 0;  // in folios, small ones too
  };
  [[nodiscard]] Sums sums() const;
  [[nodiscard]] Folios folios() const;
  void add_swap(const Sums& now, cost::Fault& fault) const;
  // Splits, tables, collapses, swap: the same for every kind of event.
  [[nodiscard]] cost::Amounts common(const Folios& after);

  kernel::Kernel& kernel_;
  Sums sums_;
  Folios before_;
};

}  // namespace quire::lab
