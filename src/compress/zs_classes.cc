#include "compress/zs_classes.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace quire::compress {
namespace {

constexpr std::uint64_t kSmallest = 32;               // ZS_MIN_ALLOC_SIZE
constexpr std::uint64_t kPageDelta = kPageSize >> 8;  // ZS_SIZE_CLASS_DELTA

constexpr std::uint64_t steps(std::uint64_t distance, std::uint64_t step) {
  return (distance + step - 1) / step;
}

// The number of blocks of `block` bytes, `least` to `most`, whose end leaves
// the fewest bytes over; the smallest of those.
std::uint64_t least_waste(std::uint64_t size, std::uint64_t block, std::uint64_t most) {
  if (std::has_single_bit(size)) return std::max<std::uint64_t>(1, size / block);
  std::uint64_t best = 0, waste = ~0ULL;
  for (std::uint64_t n = steps(size, block); n <= most; ++n) {
    if (n * block % size >= waste) continue;
    waste = n * block % size;
    best = n;
  }
  return best;
}

}  // namespace

ZsClasses::ZsClasses(const ZsOptions& options)
    : options_(options),
      page_classes_(static_cast<unsigned>(steps(kPageSize - kSmallest, kPageDelta)) + 1),
      multi_classes_(options.largest_object.raw() > kPageSize
                         ? static_cast<unsigned>(steps(options.largest_object.raw() - kPageSize,
                                                       options.largest_object.raw() >> 8))
                         : 0) {
  QUIRE_CHECK(std::has_single_bit(options.largest_object.raw()));
  QUIRE_CHECK(options.largest_object.raw() >= kPageSize && options.largest_object.raw() <= 16 * kPageSize);
  QUIRE_CHECK(options.chain_size >= 4 && options.chain_size <= 16);
  number_.resize(page_classes_ + multi_classes_);
  // From the top, as the kernel does: a class that is like the next larger one is that one.
  for (unsigned index = page_classes_ + multi_classes_; index-- > 0;) {
    const ZsClass made = make(index);
    if (classes_.empty() || classes_.back().pages != made.pages || classes_.back().objects != made.objects)
      classes_.push_back(made);
    number_[index] = static_cast<unsigned>(classes_.size()) - 1;
  }
  std::ranges::reverse(classes_);
  for (unsigned& number : number_) number = static_cast<unsigned>(classes_.size()) - 1 - number;
}

unsigned ZsClasses::number_for(ByteCount size) const { return number_[index_for(size + kZsHandleRoom)]; }

unsigned ZsClasses::index_for(ByteCount with_handle) const {
  const std::uint64_t size = with_handle.raw();
  if (multi_classes_ != 0 && size > kPageSize + kZsHandleRoom.raw()) {
    const auto step = static_cast<unsigned>(steps(size - kPageSize, options_.largest_object.raw() >> 8));
    return page_classes_ + std::min(step, multi_classes_) - 1;
  }
  if (size <= kSmallest) return 0;
  return std::min(static_cast<unsigned>(steps(size - kSmallest, kPageDelta)), page_classes_ - 1);
}

ByteCount ZsClasses::size_at(unsigned index) const {
  if (index < page_classes_) return ByteCount(std::min(kSmallest + index * kPageDelta, kPageSize));
  const std::uint64_t size = kPageSize + (index - page_classes_ + 1) * (options_.largest_object.raw() >> 8);
  return std::min(ByteCount(size), options_.largest_object);
}

ZsClass ZsClasses::make(unsigned index) const {
  const ByteCount size = size_at(index);
  const PageCount pages = chain(size);
  return {.index = index,
          .size = size,
          .pages = pages,
          .objects = static_cast<unsigned>(pages.bytes().raw() / size.raw())};
}

PageCount ZsClasses::chain(ByteCount size) const {
  if (options_.layout == ZsLayout::kUnits && size.raw() > kPageSize) {
    const std::uint64_t unit = options_.largest_object.raw();
    return PageCount(least_waste(size.raw(), unit, options_.chain_size) * (unit / kPageSize));
  }
  const std::uint64_t most = std::max<std::uint64_t>(options_.chain_size, steps(size.raw(), kPageSize));
  return PageCount(least_waste(size.raw(), kPageSize, most));
}

ByteCount ZsClasses::huge_class_size(ByteCount unit) const {
  const std::uint64_t unit_pages = PageCount::covering(unit).raw();
  for (std::size_t n = classes_.size(); n-- > 0;) {
    const ZsClass& c = classes_[n];
    if (c.size > unit || c.pages.raw() >= c.objects * unit_pages) continue;
    return c.size - kZsHandleRoom + ByteCount(1);
  }
  return ByteCount(1);
}

}  // namespace quire::compress
