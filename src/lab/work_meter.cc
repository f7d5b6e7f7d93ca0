#include "lab/work_meter.h"

#include <algorithm>

namespace quire::lab {

using cost::Amounts;
using cost::SizedWork;
using cost::Work;
using stats::MthpStat;
using stats::VmEvent;

namespace {

std::uint64_t positive(std::int64_t n) { return n > 0 ? static_cast<std::uint64_t>(n) : 0; }

}  // namespace

WorkMeter::Seen WorkMeter::now() const {
  const vm::System& system = kernel_.system();
  const stats::Counters& c = system.counters;
  Seen seen;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    seen.made[o] = c.get(MthpStat::anon_fault_alloc, Order(o));
    seen.live[o] = c.get(MthpStat::nr_anon, Order(o));
    seen.split[o] = c.get(MthpStat::split, Order(o));
  }
  const auto event = [&c](VmEvent e) { return static_cast<std::int64_t>(c.get(e)); };
  seen.pages = system.folios.usage().pages;
  seen.tables = system.tables.pages;
  seen.copied = event(VmEvent::quire_cow_pages);
  seen.reused = event(VmEvent::pgreuse);
  seen.pmd_splits = event(VmEvent::thp_split_pmd);
  seen.collapsed = event(VmEvent::thp_collapse_alloc);
  return seen;
}

Amounts WorkMeter::common(const Seen& before, const Seen& after) {
  Amounts amounts;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o)
    amounts.add(SizedWork::kSplit, Order(o), positive(after.split[o] - before.split[o]));
  if (after.tables > before.tables) amounts.add(Work::kTable, after.tables - before.tables);
  amounts.add(Work::kSplitPmd, positive(after.pmd_splits - before.pmd_splits));
  amounts.add(Work::kCollapse, positive(after.collapsed - before.collapsed));
  return amounts;
}

Amounts WorkMeter::fault(Work served) {
  const Seen after = now();
  Amounts amounts = common(before_, after);
  bool made = false;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    const std::uint64_t n = positive(after.made[o] - before_.made[o]);
    amounts.add(SizedWork::kFault, Order(o), n);
    made = made || n != 0;
  }
  if (after.copied != before_.copied) {
    amounts.add(Work::kCopyFault, positive(after.copied - before_.copied));
  } else if (after.reused != before_.reused) {
    amounts.add(Work::kReuseFault);
  } else if (!made && served == Work::kZeroFault && after.pages > before_.pages) {
    amounts.add(SizedWork::kFault, kOrder0);
  } else if (!made) {
    amounts.add(served);
  }
  before_ = after;
  return amounts;
}

// Each size has the share of the parent's pages that it has of all pages.
Amounts WorkMeter::fork(PageCount parent_anon) {
  const Seen after = now();
  Amounts amounts = common(before_, after);
  const auto parent = static_cast<double>(parent_anon.raw());
  const double all = std::max(1.0, static_cast<double>(before_.pages));
  double large = 0;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    const auto folios = static_cast<double>(positive(before_.live[o]));
    large += folios * static_cast<double>(Order(o).pages().raw());
    amounts.add(SizedWork::kFork, Order(o), static_cast<std::uint64_t>(parent / all * folios));
  }
  amounts.add(SizedWork::kFork, kOrder0, static_cast<std::uint64_t>(parent * std::max(0.0, 1 - large / all)));
  before_ = after;
  return amounts;
}

// What was unmapped and is still there, somebody else's, costs as much: it is
// the table work that counts for small pages.
Amounts WorkMeter::other(PageCount unmapped) {
  const Seen after = now();
  Amounts amounts = common(before_, after);
  std::uint64_t in_large = 0;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    const std::int64_t split = after.split[o] - before_.split[o];
    const std::uint64_t gone = positive(before_.live[o] - after.live[o] - split);
    amounts.add(SizedWork::kUnmap, Order(o), gone);
    in_large += gone << o;
    // What MAP_POPULATE and mlock fault in.
    amounts.add(SizedWork::kFault, Order(o), positive(after.made[o] - before_.made[o]));
  }
  amounts.add(SizedWork::kUnmap, kOrder0, unmapped.raw() - std::min(unmapped.raw(), in_large));
  before_ = after;
  return amounts;
}

}  // namespace quire::lab
