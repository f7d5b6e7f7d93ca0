// Moving objects to the backing device (writeback_store and
// zram_writeback_slots of the kernel).
#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "swap/zram_state.h"

namespace quire::swap {
namespace {

// An object that may go: a page's, or a unit's by its first slot.
struct Candidate {
  std::uint64_t bucket;  // of 64 bytes by size: the larger go first
  std::uint64_t order;   // as found; of one bucket the last goes first
  std::uint64_t slot;
  bool unit;
};
constexpr std::uint64_t kBucket = 64;

bool wanted(const ZramSlot& slot, ZramWriteback kind) {
  switch (kind) {
    case ZramWriteback::kAny:
      return true;
    case ZramWriteback::kIdle:
      return slot.is(ZramSlot::kIdle);
    case ZramWriteback::kHuge:
      return slot.is(ZramSlot::kHuge);
    case ZramWriteback::kHugeIdle:
      return slot.is(ZramSlot::kIdle) && slot.is(ZramSlot::kHuge);
    case ZramWriteback::kIncompressible:
      return false;  // only recompression finds out that a page is
  }
  return false;
}

// Writes objects back one after the other.
class Writer {
 public:
  Writer(Zram::State& s, ZramWriteback kind) : s_(s), kind_(kind) {}

  void find(SlotRange among);
  [[nodiscard]] Result<void, Errno> write_all();

 private:
  [[nodiscard]] bool unit_wanted(std::uint64_t first, SlotRange among) const;
  [[nodiscard]] Result<void, Errno> write(const Candidate& candidate);
  [[nodiscard]] Result<void, Errno> write_pages(const Candidate& candidate);
  [[nodiscard]] Result<void, Errno> write_page(std::uint64_t slot, std::byte* bytes);
  [[nodiscard]] bool fetch(const Candidate& candidate);
  void add(std::uint64_t slot, std::uint64_t size, bool unit) {
    candidates_.push_back({size / kBucket, candidates_.size(), slot, unit});
  }

  Zram::State& s_;
  ZramWriteback kind_;
  std::vector<Candidate> candidates_;
  std::vector<std::byte> bytes_;
  bool contents_ = true;
  Result<void, Errno> result_;
};

// A unit goes whole or not at all: all of its pages must be wanted.
bool Writer::unit_wanted(std::uint64_t first, SlotRange among) const {
  const ZramUnit& unit = s_.units[s_.unit_of(first)];
  for (std::uint64_t n = 0; n < s_.unit_pages(); ++n) {
    if (!unit.holds(n)) continue;
    const std::uint64_t slot = first + n;
    if (slot < among.first || slot > among.last || !wanted(s_.slots[slot], kind_)) return false;
  }
  return true;
}

void Writer::find(SlotRange among) {
  std::uint64_t seen_unit = ~0ULL;
  for (std::uint64_t n = among.first; n <= among.last && n < s_.slots.size(); ++n) {
    const ZramSlot& slot = s_.slots[n];
    if (!slot.is(ZramSlot::kInUnit)) {
      if (slot.size != 0 && wanted(slot, kind_)) add(n, slot.size, false);
      continue;
    }
    const std::uint64_t unit = s_.unit_of(n), first = unit * s_.unit_pages();
    if (std::exchange(seen_unit, unit) != unit && unit_wanted(first, among))
      add(first, s_.units[unit].size, true);
  }
  std::ranges::sort(candidates_, [](const Candidate& a, const Candidate& b) {
    return std::tie(a.bucket, a.order) > std::tie(b.bucket, b.order);
  });
}

// False: the object is damaged; it stays where it is.
bool Writer::fetch(const Candidate& c) {
  const ZramSlot& slot = s_.slots[c.slot];
  const ZramUnit from =
      c.unit ? s_.units[s_.unit_of(c.slot)] : ZramUnit{.handle = slot.element, .size = slot.size, .live = 1};
  const std::span<const std::byte> object = s_.bytes_of(from.handle, from.size);
  contents_ = !object.empty();
  bytes_.resize(c.unit ? s_.options.unit.raw() : kPageSize);
  return !contents_ || s_.packer->unpack({object, bytes_}).has_value();
}

Result<void, Errno> Writer::write_page(std::uint64_t slot, std::byte* bytes) {
  const std::optional<std::uint64_t> block = s_.blocks.take();
  if (!block) return fail(Errno::kNoSpc);
  if (!s_.backing->write(*block, {.bytes = contents_ ? bytes : nullptr, .count = PageCount(1)})) {
    s_.blocks.give_back(*block);
    return fail(Errno::kIo);
  }
  ++s_.stats.bd_writes;
  s_.empty(slot);
  s_.slots[slot] = {.element = *block, .size = 0, .flags = ZramSlot::kBacked};
  ++s_.pages_stored;
  ZramWritebackLimit& limit = s_.writeback_limit;
  if (limit.enabled) limit.left -= std::min(limit.left, kPageSize / 4096);
  return {};
}

// Nothing can be written any more: fails. One write that failed: noted, the rest goes on. What is
// left of a unit stays readable in it.
Result<void, Errno> Writer::write(const Candidate& c) {
  if (!fetch(c)) return {};
  // Pages that left for the device were not freed.
  const std::uint64_t partial_frees = s_.unit_stats.partial_frees;
  const Result<void, Errno> done = write_pages(c);
  s_.unit_stats.partial_frees = partial_frees;
  return done;
}

Result<void, Errno> Writer::write_pages(const Candidate& c) {
  for (std::uint64_t n = 0; n < (c.unit ? s_.unit_pages() : 1); ++n) {
    if (c.unit && !s_.units[s_.unit_of(c.slot)].holds(n)) continue;
    if (s_.writeback_limit.enabled && s_.writeback_limit.left == 0) return fail(Errno::kIo);
    const Result<void, Errno> done = write_page(c.slot + n, bytes_.data() + n * kPageSize);
    if (done) continue;
    if (done.error() == Errno::kNoSpc) return done;
    result_ = done;
  }
  return {};
}

Result<void, Errno> Writer::write_all() {
  for (const Candidate& candidate : candidates_) QUIRE_TRY(write(candidate));
  return result_;
}

}  // namespace

Result<void, Errno> Zram::writeback(ZramWriteback kind, SlotRange slots) {
  if (!has_size()) return fail(Errno::kInval);
  if (state_->backing == nullptr) return fail(Errno::kNoDev);
  Writer writer(*state_, kind);
  writer.find(slots);
  return writer.write_all();
}

}  // namespace quire::swap
