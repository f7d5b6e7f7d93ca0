#include "lab/work_meter.h"

#include <algorithm>
#include <bit>

namespace quire::lab {

using cost::Amounts;
using cost::SizedWork;
using cost::Work;
using stats::MthpStat;
using stats::VmEvent;

namespace {

std::uint64_t positive(std::int64_t n) { return n > 0 ? static_cast<std::uint64_t>(n) : 0; }

std::int64_t difference(PageCount a, PageCount b) {
  return static_cast<std::int64_t>(a.raw()) - static_cast<std::int64_t>(b.raw());
}

std::uint32_t more(std::uint64_t now, std::uint64_t before) {
  return now > before ? static_cast<std::uint32_t>(now - before) : 0;
}

}  // namespace

WorkMeter::Sums WorkMeter::sums() const {
  const vm::System& system = kernel_.system();
  const stats::Counters& c = system.counters;
  return {.tables = system.tables.pages,
          .copied = c.get(VmEvent::quire_cow_pages),
          .reused = c.get(VmEvent::pgreuse),
          .pmd_splits = c.get(VmEvent::thp_split_pmd),
          .collapsed = c.get(VmEvent::thp_collapse_alloc),
          .swapped_in = c.get(VmEvent::pswpin) + c.get(VmEvent::zswpin),
          .swapped_out = c.get(VmEvent::pswpout) + c.get(VmEvent::zswpout),
          .taken_by_kswapd = c.get(VmEvent::pgsteal_kswapd),
          .taken_directly = c.get(VmEvent::pgsteal_direct)};
}

WorkMeter::Folios WorkMeter::folios() const {
  const stats::Counters& c = kernel_.system().counters;
  Folios folios;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    folios.made[o] = c.get(MthpStat::anon_fault_alloc, Order(o));
    folios.live[o] = c.get(MthpStat::nr_anon, Order(o));
    folios.split[o] = c.get(MthpStat::split, Order(o));
  }
  folios.pages = kernel_.system().folios.usage().pages;
  return folios;
}

cost::Fault WorkMeter::fault(PageCount made) {
  const Sums now = sums();
  cost::Fault fault;
  fault.tables = more(now.tables, sums_.tables);
  fault.pmd_splits = more(now.pmd_splits, sums_.pmd_splits);
  fault.copies = more(now.copied, sums_.copied);
  if (fault.copies == 0 && now.reused != sums_.reused) fault.served = Work::kReuseFault;
  // A fault makes one folio: its pages say of which size.
  if (fault.copies == 0 && made.raw() != 0)
    fault.made = Order(std::min(static_cast<unsigned>(std::bit_width(made.raw()) - 1), kOrderPmd.raw()));
  if (now.swapped_out != sums_.swapped_out || now.swapped_in != sums_.swapped_in) add_swap(now, fault);
  sums_ = now;
  return fault;
}

// What came back is no new memory, and its price is whole. What was written out is shared between
// kswapd and the fault as what was taken back is.
void WorkMeter::add_swap(const Sums& now, cost::Fault& fault) const {
  fault.swapped_in = more(now.swapped_in, sums_.swapped_in);
  if (fault.swapped_in != 0) {
    fault.made.reset();
    fault.served.reset();
  }
  const std::uint64_t out = more(now.swapped_out, sums_.swapped_out);
  const std::uint64_t beside = more(now.taken_by_kswapd, sums_.taken_by_kswapd);
  const std::uint64_t waited = more(now.taken_directly, sums_.taken_directly);
  const std::uint64_t by_kswapd = beside + waited == 0 ? 0 : out * beside / (beside + waited);
  fault.written_beside = static_cast<std::uint32_t>(by_kswapd);
  fault.swapped_out = static_cast<std::uint32_t>(out - by_kswapd);
}

Amounts WorkMeter::common(const Folios& after) {
  Amounts amounts;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o)
    amounts.add(SizedWork::kSplit, Order(o), positive(after.split[o] - before_.split[o]));
  const Sums now = sums();
  amounts.add(Work::kTable, more(now.tables, sums_.tables));
  amounts.add(Work::kSplitPmd, more(now.pmd_splits, sums_.pmd_splits));
  amounts.add(Work::kCollapse, more(now.collapsed, sums_.collapsed));
  amounts.add(Work::kSwapOut, more(now.swapped_out, sums_.swapped_out));
  amounts.add(Work::kSwapIn, more(now.swapped_in, sums_.swapped_in));
  sums_ = now;
  return amounts;
}

// Each size has the share of the parent's pages that it has of all pages.
Amounts WorkMeter::fork(PageCount parent_anon) {
  Amounts amounts = common(folios());
  const auto parent = static_cast<double>(parent_anon.raw());
  const double all = std::max(1.0, static_cast<double>(before_.pages));
  double large = 0;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    const auto folios = static_cast<double>(positive(before_.live[o]));
    large += folios * static_cast<double>(Order(o).pages().raw());
    amounts.add(SizedWork::kFork, Order(o), static_cast<std::uint64_t>(parent / all * folios));
  }
  amounts.add(SizedWork::kFork, kOrder0, static_cast<std::uint64_t>(parent * std::max(0.0, 1 - large / all)));
  return amounts;
}

// What was unmapped and is still there, somebody else's, costs as much: it is
// the table work that counts for small pages.
Amounts WorkMeter::other(AnonPages pages) {
  const Folios after = folios();
  Amounts amounts = common(after);
  const std::uint64_t lost = positive(difference(pages.before, pages.after));
  const std::uint64_t gained = positive(difference(pages.after, pages.before));
  // What came from swap or was collapsed has its own price.
  std::uint64_t priced = amounts.of(Work::kSwapIn) + amounts.of(Work::kCollapse) * kOrderPmd.pages().raw();
  std::uint64_t in_large = 0;
  for (unsigned o = 2; o <= kOrderPmd.raw(); ++o) {
    const std::int64_t split = after.split[o] - before_.split[o];
    const std::uint64_t gone = positive(before_.live[o] - after.live[o] - split);
    amounts.add(SizedWork::kUnmap, Order(o), gone);
    in_large += gone << o;
    const std::uint64_t made = positive(after.made[o] - before_.made[o]);
    amounts.add(SizedWork::kFault, Order(o), made);
    priced += made << o;
  }
  amounts.add(SizedWork::kFault, kOrder0, gained - std::min(gained, priced));
  amounts.add(SizedWork::kUnmap, kOrder0, lost - std::min(lost, in_large));
  return amounts;
}

}  // namespace quire::lab
