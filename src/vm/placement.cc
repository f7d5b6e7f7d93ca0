#include "vm/placement.h"

#include <algorithm>

namespace quire::vm {

namespace {

constexpr VirtAddr kNoHint{0};

// The lowest address a mapping below `vma` may end at: a stack keeps a gap.
VirtAddr start_gap(const Vma& vma) {
  if (!vma.flags.has(VmFlag::kGrowsDown)) return vma.begin();
  const ByteCount gap = kStackGuardGap.bytes();
  return vma.begin().raw() < gap.raw() ? VirtAddr() : vma.begin() - gap;
}

// Looks for free addresses on behalf of one request.
class Search {
 public:
  Search(const MappingTree& tree, const MmapLayout& layout, const PlacementRequest& request)
      : tree_(tree), layout_(layout), request_(request) {}

  // The kernel's mm_get_unmapped_area for `length` bytes.
  [[nodiscard]] Result<VirtAddr, Errno> area(ByteCount length, VirtAddr hint) const {
    if (length.raw() > kTaskSize.raw()) return fail(Errno::kNoMem);
    if (request_.fixed == PlacementRequest::Fixed::kYes) return hint;
    const bool low = request_.window == PlacementRequest::Window::kSecondGiB;
    if (layout_.direction == MmapLayout::Direction::kBottomUp || low) return bottom_up(length, hint);
    return top_down(length, hint);
  }

  [[nodiscard]] bool is_top_down() const { return layout_.direction == MmapLayout::Direction::kTopDown; }

 private:
  [[nodiscard]] bool is_free(VirtAddr at, ByteCount length) const {
    const Vma* vma = tree_.find_first_from(at);
    return vma == nullptr || at + length <= start_gap(*vma);
  }

  [[nodiscard]] Result<VirtAddr, Errno> top_down(ByteCount length, VirtAddr hint) const {
    if (hint != kNoHint) {
      const VirtAddr at = hint.align_down();
      if (at <= kTaskSize - length && is_free(at, length)) return at;
    }
    if (const auto found = highest(VirtAddr(kPageSize), layout_.mmap_base, length)) return *found;
    return bottom_up(length, hint);
  }

  [[nodiscard]] Result<VirtAddr, Errno> bottom_up(ByteCount length, VirtAddr hint) const {
    const bool low = request_.window == PlacementRequest::Window::kSecondGiB;
    const VirtAddr begin = low ? VirtAddr(0x40000000) : layout_.mmap_legacy_base;
    const VirtAddr end = low ? VirtAddr(0x80000000) : kTaskSize;
    if (length.raw() > end.raw()) return fail(Errno::kNoMem);
    if (hint != kNoHint) {
      const VirtAddr at = hint.align_up();
      if (at <= end - length && is_free(at, length)) return at;
    }
    if (const auto found = lowest(begin, end, length)) return *found;
    return fail(Errno::kNoMem);
  }

  // The highest place in [low, high) with `length` free bytes. A place too
  // near below a stack makes the kernel start again below the stack's gap,
  // even if that gap is already mapped over: free places in it are not used.
  [[nodiscard]] std::optional<VirtAddr> highest(VirtAddr low, VirtAddr high, ByteCount length) const {
    low = std::max(low, kMmapMinAddr);
    const Vma* above = tree_.find_first_from(high);
    const Vma* below = above == nullptr ? tree_.find_last_before(kTaskSize) : tree_.prev(*above);
    for (;; above = below, below = tree_.prev(*below)) {
      const VirtAddr gap_end = above == nullptr ? high : std::min(high, above->begin());
      const VirtAddr gap_begin = below == nullptr ? low : std::max(low, below->end());
      if (gap_begin < gap_end && gap_end - gap_begin >= length) {
        if (above == nullptr || start_gap(*above) >= gap_end) return gap_end - length;
        return highest(low, start_gap(*above), length);
      }
      if (below == nullptr || below->end() <= low) return std::nullopt;
    }
  }

  // The lowest place in [low, high) with `length` free bytes.
  [[nodiscard]] std::optional<VirtAddr> lowest(VirtAddr low, VirtAddr high, ByteCount length) const {
    low = std::max(low, kMmapMinAddr);
    VirtAddr gap_begin = low;
    for (const Vma* above = tree_.find_first_from(low);; above = tree_.next(*above)) {
      const VirtAddr gap_end = above == nullptr ? high : std::min(high, start_gap(*above));
      if (gap_begin < gap_end && gap_end - gap_begin >= length) return gap_begin;
      if (above == nullptr || above->end() >= high) return std::nullopt;
      gap_begin = std::max(gap_begin, above->end());
    }
  }

  const MappingTree& tree_;
  const MmapLayout& layout_;
  const PlacementRequest& request_;
};

// A place where file offset and address agree modulo 2 MiB, so that the
// mapping can hold huge pages; nothing when it is too short for one or there
// is no room for the padding.
std::optional<VirtAddr> pmd_aligned_area(const Search& search, VirtAddr hint, ByteCount length,
                                         std::uint64_t offset) {
  const std::uint64_t end = offset + length.raw();
  const std::uint64_t first_block = VirtAddr(offset).align_up(kOrderPmd).raw();
  if (end <= first_block || end - first_block < kPmdSize) return std::nullopt;
  const auto padded = search.area(length + ByteCount(kPmdSize), hint);
  if (!padded) return std::nullopt;
  if (*padded == hint) return hint;  // the program asked for this very place
  const ByteCount to_block((offset - padded->raw()) & (kPmdSize - 1));
  if (search.is_top_down() && to_block == ByteCount(0)) return *padded + ByteCount(kPmdSize);
  return *padded + to_block;
}

Result<VirtAddr, Errno> thp_area(const Search& search, VirtAddr hint, ByteCount length,
                                 std::uint64_t offset) {
  if (const auto aligned = pmd_aligned_area(search, hint, length, offset)) return *aligned;
  return search.area(length, hint);
}

// Shared memory is placed like any other first; only then, if huge pages of
// it could be used, a better aligned place is looked for.
Result<VirtAddr, Errno> shmem_area(const Search& search, const PlacementRequest& request, VirtAddr hint,
                                   ByteCount length) {
  const VirtAddr plain = QUIRE_TRY(search.area(length, hint));
  const bool fixed = request.fixed == PlacementRequest::Fixed::kYes;
  if (plain > kTaskSize - length || fixed || plain == hint || !request.shmem_order) return plain;

  const std::uint64_t size = request.shmem_order->bytes().raw();
  const std::uint64_t offset = (request.pgoff << kPageShift) & (size - 1);
  if (length.raw() < size || (offset != 0 && offset + length.raw() < 2 * size)) return plain;
  if ((plain.raw() & (size - 1)) == offset) return plain;
  const ByteCount inflated = length + ByteCount(size - kPageSize);
  if (inflated.raw() > kTaskSize.raw()) return plain;
  const auto found = search.area(inflated, hint);
  if (!found) return plain;
  const ByteCount to_offset((offset - found->raw()) & (size - 1));
  const VirtAddr aligned = *found + to_offset;
  return aligned > kTaskSize - length ? plain : aligned;
}

Result<VirtAddr, Errno> area_by_rule(const Search& search, const PlacementRequest& request, VirtAddr hint,
                                     ByteCount length) {
  switch (request.rule) {
    case PlacementRule::kPlain:
      break;
    case PlacementRule::kAnonymous:
      // Only mappings made of whole 2 MiB blocks are aligned: aligning others
      // leaves holes that neighbours could have merged over.
      if (hint == kNoHint && length.raw() % kPmdSize == 0) return thp_area(search, hint, length, 0);
      break;
    case PlacementRule::kThpFile:
      return thp_area(search, hint, length, request.pgoff << kPageShift);
    case PlacementRule::kShmem:
      return shmem_area(search, request, hint, length);
  }
  return search.area(length, hint);
}

VirtAddr round_hint(VirtAddr hint) {
  const VirtAddr page = hint.align_down();
  return page != kNoHint && page < kMmapMinAddr ? kMmapMinAddr : page;
}

}  // namespace

MmapLayout compute_layout(ByteCount stack_limit, MmapLayout::Direction direction) {
  const std::uint64_t smallest = ByteCount(128ULL << 20).raw();
  const std::uint64_t largest = kTaskSize.raw() / 6 * 5;
  std::uint64_t gap = stack_limit.raw();
  const std::uint64_t pad = kStackGuardGap.bytes().raw();
  if (gap + pad > gap) gap += pad;
  gap = std::clamp(gap, smallest, largest);
  MmapLayout layout;
  layout.direction = direction;
  layout.mmap_base = VirtAddr(kTaskSize.raw() - gap).align_up();
  layout.mmap_legacy_base = VirtAddr(kTaskSize.raw() / 3).align_up();
  return layout;
}

Result<VirtAddr, Errno> get_unmapped_area(const MappingTree& tree, const MmapLayout& layout,
                                          const PlacementRequest& request) {
  if (request.length == ByteCount(0)) return fail(Errno::kInval);
  if (request.length.raw() > kTaskSize.raw()) return fail(Errno::kNoMem);
  const ByteCount length = PageCount::covering(request.length).bytes();
  const bool fixed = request.fixed == PlacementRequest::Fixed::kYes;
  const VirtAddr hint = fixed ? request.hint : round_hint(request.hint);
  const VirtAddr found = QUIRE_TRY(area_by_rule(Search(tree, layout, request), request, hint, length));
  if (found > kTaskSize - length) return fail(Errno::kNoMem);
  if (!found.aligned()) return fail(Errno::kInval);
  if (found < kMmapMinAddr) return fail(Errno::kPerm);
  return found;
}

}  // namespace quire::vm
