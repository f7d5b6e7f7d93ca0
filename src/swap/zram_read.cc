// Fetching pages: from the pool, one by one or all of a request on several
// threads, and from the backing device.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "swap/zram_state.h"

namespace quire::swap {

// What lies on the backing device stays there.
Result<void, IoError> Zram::State::fetch_backed(std::uint64_t slot, std::byte* to) {
  ++stats.bd_reads;
  return backing->read(slots[slot].element, {.bytes = to, .count = PageCount(1)});
}

// A slot that nothing was written to reads as zeroes.
Result<void, IoError> Zram::State::fetch_page(std::uint64_t slot, std::byte* to) {
  const ZramSlot& s = slots[slot];
  if (s.is(ZramSlot::kBacked)) return fetch_backed(slot, to);
  if (to == nullptr) return {};
  if (s.size == 0) {
    fill(to, ByteCount(kPageSize), s.element);
    return {};
  }
  if (!packer->unpack({bytes_of(s.element, s.size), {to, kPageSize}})) return fail(IoError::kCorrupt);
  return {};
}

// `pages` pages from `slot` on, all of one unit. A part of it costs as much as all.
Result<void, IoError> Zram::State::fetch_unit(std::uint64_t slot, PageCount count, std::byte* to) {
  const ZramUnit& unit = units[unit_of(slot)];
  const bool part = count.raw() < unit_pages();
  if (part) ++unit_stats.partial_reads;
  if (to == nullptr) return {};
  std::byte* const into = part ? whole.data() : to;
  if (!packer->unpack({bytes_of(unit.handle, unit.size), {into, options.unit.raw()}}))
    return fail(IoError::kCorrupt);
  if (part) std::memcpy(to, into + slot % unit_pages() * kPageSize, count.bytes().raw());
  return {};
}

namespace {

// Pages of a request that come from one object.
struct Stretch {
  std::uint64_t slot;
  PageCount pages;
  std::byte* to;
};

// The pages of one unit that follow each other in the request, or one page.
PageCount stretch_at(const Zram::State& s, std::uint64_t slot, std::uint64_t left) {
  if (!s.slots[slot].is(ZramSlot::kInUnit)) return PageCount(1);
  std::uint64_t n = 1;
  while (n < left && (slot + n) % s.unit_pages() != 0 && s.slots[slot + n].is(ZramSlot::kInUnit)) ++n;
  return PageCount(n);
}

template <typename Fn>
Result<void, IoError> for_each_stretch(Zram::State& s, std::uint64_t slot, Pages pages, Fn fn) {
  for (std::uint64_t done = 0; done < pages.count.raw();) {
    const PageCount n = stretch_at(s, slot + done, pages.count.raw() - done);
    QUIRE_TRY(fn(Stretch{slot + done, n, pages.bytes == nullptr ? nullptr : pages.bytes + done * kPageSize}));
    done += n.raw();
  }
  return {};
}

void touched(Zram::State& s, const Stretch& of) {
  for (std::uint64_t n = 0; n < of.pages.raw(); ++n) s.slots[of.slot + n].unmark(ZramSlot::kIdle);
}

Result<void, IoError> fetch(Zram::State& s, const Stretch& of) {
  const Result<void, IoError> done = s.slots[of.slot].is(ZramSlot::kInUnit)
                                         ? s.fetch_unit(of.slot, of.pages, of.to)
                                         : s.fetch_page(of.slot, of.to);
  if (done)
    touched(s, of);
  else
    ++s.stats.failed_reads;
  return done;
}

// What needs no decompression, and parts of units, is left to fetch().
bool for_threads(const Zram::State& s, const Stretch& of) {
  const ZramSlot& slot = s.slots[of.slot];
  if (of.to == nullptr || slot.is(ZramSlot::kBacked | ZramSlot::kSame | ZramSlot::kHuge)) return false;
  return slot.is(ZramSlot::kInUnit) ? of.pages.raw() == s.unit_pages() : slot.size != 0;
}

// The whole object of a stretch. `room` is for what does not lie in one frame.
Fetched whole_object(const Zram::State& s, const Stretch& of, std::span<std::byte> room) {
  const ZramObject object = s.object_of(of.slot);
  return {s.pool->read(compress::ZsHandle(object.handle), ByteCount(object.size), room),
          {of.to, of.pages.bytes().raw()}};
}

// Fewer are decompressed before another thread has seen them (swap_vs_kernel_bench.cc).
constexpr PageCount kSoonerAlone(4);

// The stretches are looked at in order as without threads, so that the first that fails is
// the same, and nothing behind it counts.
Result<void, IoError> fetch_on_threads(Zram::State& s, std::uint64_t slot, Pages pages) {
  if (s.rooms.size() < pages.count.bytes().raw()) s.rooms.resize(pages.count.bytes().raw());
  std::vector<Fetched> objects;
  QUIRE_TRY(for_each_stretch(s, slot, pages, [&](const Stretch& of) -> Result<void, IoError> {
    const std::span<std::byte> room =
        std::span(s.rooms).subspan((of.slot - slot) * kPageSize, of.pages.bytes().raw());
    if (for_threads(s, of)) objects.push_back(whole_object(s, of, room));
    return {};
  }));
  const std::vector<Result<void, compress::CodecError>> unpacked = s.packer->unpack_all(objects);
  std::size_t next = 0;
  return for_each_stretch(s, slot, pages, [&](const Stretch& of) -> Result<void, IoError> {
    if (!for_threads(s, of)) return fetch(s, of);
    if (!unpacked[next++]) {
      ++s.stats.failed_reads;
      return fail(IoError::kCorrupt);
    }
    touched(s, of);
    return {};
  });
}

}  // namespace

Result<void, IoError> Zram::read(std::uint64_t slot, Pages pages) {
  State& s = *state_;
  if (!s.inside(slot, pages.count)) return fail(IoError::kRead);
  if (s.packer->parallel() && pages.count > kSoonerAlone) return fetch_on_threads(s, slot, pages);
  return for_each_stretch(s, slot, pages, [&](const Stretch& of) { return fetch(s, of); });
}

}  // namespace quire::swap
