#include "compress/zsmalloc.h"

#include <cstring>

#include "base/check.h"
#include "compress/zs_state.h"

namespace quire::compress {

ZsPool::ZsPool(PageSource& source, const ZsOptions& options)
    : state_(std::make_unique<State>(source, options)) {}
ZsPool::~ZsPool() = default;

Result<ZsHandle, ZsError> ZsPool::allocate(ByteCount size) {
  QUIRE_CHECK_GT(size.raw(), 0U);
  State& s = *state_;
  if (size > s.classes.largest_object()) return fail(ZsError::kTooLarge);
  const unsigned number = s.classes.number_for(size);
  Zspage* zspage = s.with_room(number);
  if (zspage == nullptr) {
    std::unique_ptr<Zspage> made = s.new_zspage(number);
    if (made == nullptr) return fail(ZsError::kNoMemory);
    zspage = made.release();
    s.insert(*zspage);
  }
  if (s.free_handles.empty()) {
    s.free_handles.push_back(s.places.size());
    s.places.emplace_back();
  }
  const std::uint64_t handle = s.free_handles.back();
  s.free_handles.pop_back();
  s.places[handle] = {zspage, s.take(*zspage, handle)};
  s.fix_fullness(*zspage);
  ++s.pages[number].in_use;
  return ZsHandle(handle + 1);
}

void ZsPool::free(ZsHandle handle) {
  State& s = *state_;
  const ZsPlace place = std::exchange(s.place(handle), {});
  s.free_handles.push_back(handle.raw() - 1);
  Zspage& zspage = *place.zspage;
  s.put(zspage, place.object);
  --s.pages[zspage.class_number].in_use;
  if (zspage.in_use > 0) return s.fix_fullness(zspage);
  s.remove(zspage);
  s.drop(&zspage);
}

void ZsPool::write(ZsHandle handle, std::span<const std::byte> bytes) {
  State& s = *state_;
  const ZsPlace& place = s.place(handle);
  const ZsClass& c = s.class_of(*place.zspage);
  QUIRE_CHECK_LE(bytes.size() + c.handle_room().raw(), c.size.raw());
  s.each_piece(*place.zspage, s.start_of(place), bytes.size(), [&](std::byte* piece, std::uint64_t n) {
    std::memcpy(piece, bytes.data(), n);
    bytes = bytes.subspan(n);
  });
}

std::span<const std::byte> ZsPool::read(ZsHandle handle, ByteCount size, std::span<std::byte> scratch) {
  State& s = *state_;
  const ZsPlace& place = s.place(handle);
  const ZsClass& c = s.class_of(*place.zspage);
  QUIRE_CHECK_LE(size.raw() + c.handle_room().raw(), c.size.raw());
  const std::uint64_t start = s.start_of(place);
  std::byte* first = s.source.bytes(place.zspage->frames[start / kPageSize]);
  if (first == nullptr) return {};
  if (start % kPageSize + size.raw() <= kPageSize) return {first + start % kPageSize, size.raw()};
  QUIRE_CHECK_LE(size.raw(), scratch.size());
  std::byte* at = scratch.data();
  s.each_piece(*place.zspage, start, size.raw(), [&](const std::byte* piece, std::uint64_t n) {
    std::memcpy(at, piece, n);
    at += n;
  });
  return scratch.first(size.raw());
}

PageCount ZsPool::total_pages() const { return state_->total; }
PageCount ZsPool::pages_compacted() const { return state_->compacted; }
std::uint64_t ZsPool::objects() const { return state_->places.size() - state_->free_handles.size(); }

ByteCount ZsPool::huge_class_size(ByteCount unit) const { return state_->classes.huge_class_size(unit); }
ByteCount ZsPool::class_size(ByteCount size) const { return state_->classes.of(size).size; }

}  // namespace quire::compress
