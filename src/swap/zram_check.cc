// Whether a device's numbers are what its tables say.
#include <set>

#include "swap/zram_state.h"

namespace quire::swap {
namespace {

// What the tables come to.
struct Sums {
  std::uint64_t stored = 0, same = 0, huge = 0, backed = 0, objects = 0, bytes = 0, dead = 0, units = 0;
  std::set<std::uint64_t> blocks;
};

void add_slot(Sums& sums, const Zram::State& s, std::uint64_t n, base::InvariantReport& out) {
  const ZramSlot& slot = s.slots[n];
  if (!slot.allocated()) {
    if (slot.flags != 0 || slot.element != 0) out.broken("I-ZRAM-1", "slot {} is empty and not blank", n);
    return;
  }
  ++sums.stored;
  if (slot.is(ZramSlot::kSame)) ++sums.same;
  if (slot.is(ZramSlot::kHuge) && !slot.is(ZramSlot::kInUnit)) ++sums.huge;
  if (slot.is(ZramSlot::kBacked)) {
    ++sums.backed;
    if (!sums.blocks.insert(slot.element).second)
      out.broken("I-ZRAM-5", "block {} is used twice", slot.element);
  }
  if (slot.size != 0) {
    ++sums.objects;
    sums.bytes += slot.size;
  }
  if (slot.is(ZramSlot::kInUnit) && !s.units[s.unit_of(n)].holds(n % s.unit_pages()))
    out.broken("I-ZRAM-6", "slot {} says it lies in a unit that does not know it", n);
}

void add_unit(Sums& sums, const Zram::State& s, std::uint64_t n, base::InvariantReport& out) {
  const ZramUnit& unit = s.units[n];
  if (unit.live == 0) {
    if (unit.size != 0) out.broken("I-ZRAM-6", "unit {} has an object and no slot", n);
    return;
  }
  ++sums.objects;
  ++sums.units;
  sums.bytes += unit.size;
  sums.dead += s.dead_bytes(unit).raw();
  if (unit.size == s.options.unit.raw()) sums.huge += s.unit_pages();
  for (std::uint64_t page = 0; page < s.unit_pages(); ++page)
    if (unit.holds(page) && !s.slots[n * s.unit_pages() + page].is(ZramSlot::kInUnit))
      out.broken("I-ZRAM-6", "unit {} has page {}, which lies elsewhere", n, page);
}

void equal(base::InvariantReport& out, const char* id, const char* what, std::uint64_t counted,
           std::uint64_t found) {
  if (counted != found) out.broken(id, "{} counts {}, the tables have {}", what, counted, found);
}

}  // namespace

void Zram::check_invariants(base::InvariantReport& out) const {
  if (!has_size()) return;
  const State& s = *state_;
  Sums sums;
  for (std::uint64_t n = 0; n < s.slots.size(); ++n) add_slot(sums, s, n, out);
  for (std::uint64_t n = 0; n < s.units.size(); ++n) add_unit(sums, s, n, out);
  equal(out, "I-ZRAM-1", "pages_stored", s.pages_stored, sums.stored);
  equal(out, "I-ZRAM-2", "compr_data_size", s.stats.compr_data_size.raw(), sums.bytes);
  equal(out, "I-ZRAM-3", "the pool", s.pool->objects(), sums.objects);
  equal(out, "I-ZRAM-4", "same_pages", s.stats.same_pages, sums.same);
  equal(out, "I-ZRAM-4", "huge_pages", s.stats.huge_pages, sums.huge);
  equal(out, "I-ZRAM-4", "bd_count", s.blocks.count(), sums.backed);
  equal(out, "I-ZRAM-6", "units", s.unit_stats.units, sums.units);
  equal(out, "I-ZRAM-6", "dead_bytes", s.unit_stats.dead_bytes.raw(), sums.dead);
  s.pool->check_invariants(out);
}

}  // namespace quire::swap
