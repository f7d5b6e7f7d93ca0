#include "phys/tag_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace quire::phys {
namespace {

constexpr std::uint64_t kWordBits = 64;

std::uint64_t bit_of(Pfn page) { return 1ULL << (page.raw() % kWordBits); }

// Calls fn(page, mask) for each word of marks that frames from `first` on have bits in.
template <typename Fn>
void for_each_word(Pfn first, PageCount n, Fn fn) {
  const std::uint64_t end = first.raw() + n.raw();
  for (std::uint64_t at = first.raw(); at < end;) {
    const std::uint64_t count = std::min(end - at, kWordBits - at % kWordBits);
    const std::uint64_t ones = count == kWordBits ? ~0ULL : (1ULL << count) - 1;
    fn(Pfn(at), ones << (at % kWordBits));
    at += count;
  }
}

}  // namespace

std::unique_ptr<TagMemory> TagMemory::create(PageCount frames) {
  std::unique_ptr<TagMemory> made(new TagMemory);
  const std::uint64_t words = (frames.raw() + kWordBits - 1) / kWordBits;
  made->tags_ = ReservedMemory(ByteCount(frames.raw() * kBytes), HostPages::kSmall);
  made->marks_ = ReservedMemory(ByteCount(words * sizeof(std::uint64_t)), HostPages::kSmall);
  if (made->tags_.data() == nullptr || made->marks_.data() == nullptr) return nullptr;
  return made;
}

std::uint64_t& TagMemory::word(Pfn page) const {
  return reinterpret_cast<std::uint64_t*>(marks_.data())[page.raw() / kWordBits];
}

bool TagMemory::tagged(Pfn page) const { return (word(page) & bit_of(page)) != 0; }

bool TagMemory::any_tagged(Pfn first, PageCount n) const {
  bool any = false;
  for_each_word(first, n, [&](Pfn at, std::uint64_t mask) { any = any || (word(at) & mask) != 0; });
  return any;
}

void TagMemory::mark(Pfn page) {
  word(page) |= bit_of(page);
  tagged_ += PageCount(1);
}

void TagMemory::tag(Pfn first, PageCount n) {
  for (PageCount i; i < n; i += PageCount(1)) {
    const Pfn page = first + i;
    if (tagged(page)) continue;
    std::memset(of(page), 0, kBytes);
    mark(page);
  }
}

void TagMemory::copy(Pfn from, Pfn to) {
  if (tagged(from)) restore(to, of(from));
}

void TagMemory::restore(Pfn page, const std::byte* saved) {
  if (tagged(page)) return;
  std::memcpy(of(page), saved, kBytes);
  mark(page);
}

void TagMemory::forget(Pfn first, PageCount n) {
  for_each_word(first, n, [this](Pfn at, std::uint64_t mask) {
    std::uint64_t& marks = word(at);
    if ((marks & mask) == 0) return;
    tagged_ -= PageCount(static_cast<std::uint64_t>(std::popcount(marks & mask)));
    marks &= ~mask;
  });
}

MemoryTag TagMemory::get(Pfn page, std::uint64_t granule) const {
  QUIRE_DCHECK(granule < kTagsPerPage);
  if (!tagged(page)) return MemoryTag();
  const auto both = std::to_integer<unsigned>(of(page)[granule / 2]);
  return MemoryTag(granule % 2 == 0 ? both : both >> 4);
}

void TagMemory::set(Pfn page, std::uint64_t granule, MemoryTag tag) {
  QUIRE_DCHECK(granule < kTagsPerPage && tagged(page));
  std::byte& both = of(page)[granule / 2];
  const unsigned shift = granule % 2 == 0 ? 0 : 4;
  both = (both & std::byte(0xf0U >> shift)) | std::byte(tag.raw() << shift);
}

}  // namespace quire::phys
