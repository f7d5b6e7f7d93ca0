#include "live/folio_counts.h"

#include <algorithm>

namespace quire::live {

namespace {

PageCount sum(const ByOrder& counts) {
  PageCount all;
  for (const PageCount& count : counts) all += count;
  return all;
}

void add(ByOrder& to, const ByOrder& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace

PageCount FolioCounts::OfKind::total() const {
  return single + pmd + sum(aligned) + sum(unaligned) + sum(partial);
}

ByOrder FolioCounts::OfKind::by_order() const {
  ByOrder pages{};
  for (unsigned n = 0; n <= kPmdOrder; ++n) pages[n] = aligned[n] + unaligned[n] + partial[n];
  pages[0] += single;
  pages[kPmdOrder] += pmd;
  return pages;
}

FolioCounts::OfKind& FolioCounts::OfKind::operator+=(const OfKind& other) {
  single += other.single;
  pmd += other.pmd;
  add(aligned, other.aligned);
  add(unaligned, other.unaligned);
  add(partial, other.partial);
  add(blocks, other.blocks);
  return *this;
}

FolioCounts& FolioCounts::operator+=(const FolioCounts& other) {
  anon += other.anon;
  file += other.file;
  zero += other.zero;
  hugetlb += other.hugetlb;
  special += other.special;
  return *this;
}

bool FolioCounter::Row::goes_on_with(VirtAddr at, const PageView& page) const {
  return pages.raw() != 0 && page.head == first.head && page.pfn == first.pfn + pages &&
         at == begin + pages && page.pmd_mapped == first.pmd_mapped;
}

void FolioCounter::add(VirtAddr at, const PageView& page) {
  if (!page.present) return;
  if (row_.goes_on_with(at, page)) {
    row_.pages += PageCount(1);
    return;
  }
  close_row();
  const bool in_folio = !page.special && !page.hugetlb && !page.zero;
  if (in_folio && page.order > kOrder0) {
    row_ = {at, page, PageCount(1)};
    return;
  }
  PageCount& count = page.special   ? counts_.special
                     : page.hugetlb ? counts_.hugetlb
                     : page.zero    ? counts_.zero
                     : page.anon    ? counts_.anon.single
                                    : counts_.file.single;
  count += PageCount(1);
}

// A row never goes beyond its folio, so that a long one is whole.
void FolioCounter::close_row() {
  if (row_.pages.raw() == 0) return;
  FolioCounts::OfKind& kind = row_.first.anon ? counts_.anon : counts_.file;
  const Order order = row_.first.order;
  const bool whole = row_.pages == order.pages();
  if (row_.first.pmd_mapped && whole && order == kOrderPmd) {
    kind.pmd += row_.pages;
  } else {
    ByOrder& place = !whole ? kind.partial : row_.begin.aligned(order) ? kind.aligned : kind.unaligned;
    place[order.raw()] += row_.pages;
    count_blocks(kind.blocks);
  }
  if (!whole && row_.first.anon) partial_.push_back({row_.first.head, order});
  row_.pages = PageCount();
}

void FolioCounter::count_blocks(ByOrder& blocks) const {
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    const Order order(n);
    const std::uint64_t mask = order.pages().raw() - 1;
    const std::uint64_t begin = row_.begin.page_number();
    if (!blocks_.contains(order) || ((begin ^ row_.first.pfn.raw()) & mask) != 0) continue;
    const std::uint64_t skipped = -begin & mask;
    if (skipped < row_.pages.raw()) blocks[n] += PageCount((row_.pages.raw() - skipped) & ~mask);
  }
}

FolioCounts FolioCounter::finish() {
  close_row();
  return counts_;
}

}  // namespace quire::live
