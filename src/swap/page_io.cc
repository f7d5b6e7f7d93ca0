#include "swap/page_io.h"

#include <cstring>

#include "base/check.h"

namespace quire::swap {

using stats::MthpStat;
using stats::VmEvent;

namespace {

// The kernel looks at the last word of a page before all others; one comparison of a
// buffer with itself, a word on, is as exact and fast enough.
bool is_zero(const std::byte* bytes, ByteCount count) {
  if (bytes[0] != std::byte{0}) return false;
  return std::memcmp(bytes, bytes + 1, count.raw() - 1) == 0;
}

void note_zeroes(const PageIo::Place& place, bool zero) {
  SlotTable& table = *place.device.slots.table(place.slot);
  const std::uint32_t first = SlotAllocator::offset(place.slot);
  for (std::uint32_t at = first; at < first + place.order.pages().raw(); ++at) table.set_zero(at, zero);
}

// Calls fn(slot, pages before it, pages) for each run of slots that follow each other on the device.
template <typename Fn>
void for_each_run(const PageIo::Place& place, Fn fn) {
  if (place.device.behind)
    place.device.behind->for_each_run(place.slot, place.order.pages(), fn);
  else
    fn(place.slot, 0, place.order.pages());
}

// Pages of the folio that are kept in front of the device.
std::uint64_t in_front(const PageIo::Place& place) {
  std::uint64_t kept = 0;
  for (std::uint64_t n = 0; n < place.order.pages().raw(); ++n) {
    if (place.device.backend->kept_in_front(place.device.slot_behind(place.slot + n))) ++kept;
  }
  return kept;
}

}  // namespace

// Null where no contents are kept: then nothing is known to be zero.
std::byte* PageIo::bytes(Pfn head) const {
  return memory_.contents() == phys::Contents::kKept ? memory_.bytes(head) : nullptr;
}

bool PageIo::all_zero(Pfn head, Order order) const {
  const std::byte* b = bytes(head);
  return b != nullptr && is_zero(b, order.bytes());
}

// One page that is not zero has all of the folio written.
Result<void, IoError> PageIo::write(const Place& place) {
  const bool zero = all_zero(place.head, place.order);
  note_zeroes(place, zero);
  if (zero) {
    counters_.add(VmEvent::swpout_zero, place.order.pages().raw());
    return {};
  }
  const Result<void, IoError> written = transfer(place, Way::kOut);
  count_write(place);
  return written;
}

Result<void, IoError> PageIo::read(const Place& place) {
  if (place.device.slots.table(place.slot)->zero(SlotAllocator::offset(place.slot))) {
    memory_.zero(place.head, place.order);
    counters_.add(VmEvent::swpin_zero, place.order.pages().raw());
    return {};
  }
  count_read(place);
  return transfer(place, Way::kIn);
}

void PageIo::give_up_in_front(const Place& place) {
  Device& device = place.device;
  // Zeroes were not asked from the device.
  if (device.slots.table(place.slot)->zero(SlotAllocator::offset(place.slot))) return;
  bool given_up = false;
  const auto give_up = [&](std::uint64_t slot, std::uint64_t, PageCount count) {
    given_up = device.backend->give_up_in_front(slot, count) || given_up;
  };
  for_each_run(place, give_up);
  if (given_up) memory_.frame(place.head).dirty = 1;
}

// In one request where the slots are in a row.
Result<void, IoError> PageIo::transfer(const Place& place, Way way) {
  Device& device = place.device;
  std::byte* const from = bytes(place.head);
  Result<void, IoError> done;
  const auto request = [&](std::uint64_t slot, std::uint64_t before, PageCount count) {
    if (!done) return;
    const Pages pages{from == nullptr ? nullptr : from + before * kPageSize, count};
    ++(way == Way::kOut ? device.requests.writes : device.requests.reads);
    done = way == Way::kOut ? device.backend->write(slot, pages) : device.backend->read(slot, pages);
  };
  for_each_run(place, request);
  return done;
}

void PageIo::count_write(const Place& place) {
  const std::uint64_t pages = place.order.pages().raw();
  const std::uint64_t kept = in_front(place);
  if (kept != 0) counters_.add(VmEvent::zswpout, kept);
  if (kept != pages) counters_.add(VmEvent::pswpout, pages - kept);
  if (place.order != kOrder0)
    counters_.add(kept == pages ? MthpStat::zswpout : MthpStat::swpout, place.order);
  if (place.order == kOrderPmd && kept == 0) counters_.add(VmEvent::thp_swpout);
}

void PageIo::count_read(const Place& place) {
  const std::uint64_t pages = place.order.pages().raw();
  const std::uint64_t kept = in_front(place);
  if (kept != 0) counters_.add(VmEvent::zswpin, kept);
  if (kept == pages) return;
  counters_.add(VmEvent::pswpin, pages - kept);
  if (place.order != kOrder0) counters_.add(MthpStat::swpin, place.order);
}

}  // namespace quire::swap
