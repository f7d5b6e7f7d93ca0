#include "live/folio_counts.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace quire::live {
namespace {

constexpr OrderSet kAllBlocks((2U << kPmdOrder) - 2U);

// The present pages of a mapping, by page number.
using Mapped = std::map<std::uint64_t, PageView>;

PageView page_of(Pfn head, Order order, std::uint64_t index) {
  PageView page;
  page.present = true;
  page.anon = true;
  page.head = head;
  page.order = order;
  page.pfn = head + PageCount(index);
  return page;
}

// Pages [first, last) of a folio, in order, from page number `at` on.
void map_part(Mapped& mapped, std::uint64_t at, Pfn head, Order order, std::uint64_t first,
              std::uint64_t last) {
  for (std::uint64_t i = first; i < last; ++i) mapped[at + i - first] = page_of(head, order, i);
}

FolioCounts count(const Mapped& mapped) {
  FolioCounter counter(kAllBlocks);
  for (const auto& [number, page] : mapped) counter.add(VirtAddr(number << kPageShift), page);
  return counter.finish();
}

// A whole folio at a multiple of its size is aligned, with all smaller blocks.
TEST(FolioCounts, WholeFolioInItsPlace) {
  Mapped mapped;
  map_part(mapped, 32, Pfn(160), Order(4), 0, 16);
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts.anon.aligned[4], PageCount(16));
  EXPECT_EQ(counts.anon.total(), PageCount(16));
  EXPECT_EQ(counts.anon.blocks[4], PageCount(16));
  EXPECT_EQ(counts.anon.blocks[1], PageCount(16));
  EXPECT_EQ(counts.anon.blocks[5], PageCount(0));
}

// One page further it is whole but unaligned, and no block of it is aligned.
TEST(FolioCounts, WholeFolioElsewhere) {
  Mapped mapped;
  map_part(mapped, 33, Pfn(160), Order(4), 0, 16);
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts.anon.unaligned[4], PageCount(16));
  EXPECT_EQ(counts.anon.blocks, ByOrder{});
}

// By the order of their folio every page is counted, mapped in whichever way.
TEST(FolioCounts, ByOrder) {
  Mapped mapped;
  map_part(mapped, 32, Pfn(160), Order(4), 0, 16);
  map_part(mapped, 65, Pfn(320), Order(4), 3, 8);
  map_part(mapped, 100, Pfn(7), kOrder0, 0, 1);
  const ByOrder pages = count(mapped).anon.by_order();
  EXPECT_EQ(pages[4], PageCount(21));
  EXPECT_EQ(pages[0], PageCount(1));
}

// A folio that is held in part is named, and none else.
TEST(FolioCounts, NamesPartialFolios) {
  FolioCounter counter({});
  for (std::uint64_t i = 0; i < 5; ++i) counter.add(VirtAddr(i << kPageShift), page_of(Pfn(64), Order(4), i));
  for (std::uint64_t i = 0; i < 16; ++i)
    counter.add(VirtAddr((32 + i) << kPageShift), page_of(Pfn(160), Order(4), i));
  (void)counter.finish();
  EXPECT_EQ(counter.take_partial(), (std::vector<PartialFolio>{{Pfn(64), Order(4)}}));
  EXPECT_TRUE(counter.take_partial().empty());
}

// Without its first page it is partial; the blocks behind are still whole.
//
//   frame  160  161 .. 175        page  33 .. 47
//          -    mapped
TEST(FolioCounts, PartOfAFolio) {
  Mapped mapped;
  map_part(mapped, 33, Pfn(160), Order(4), 1, 16);
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts.anon.partial[4], PageCount(15));
  EXPECT_EQ(counts.anon.blocks[3], PageCount(8));
  EXPECT_EQ(counts.anon.blocks[1], PageCount(14));
}

// All pages, but two of them exchanged: not in order, so not whole.
TEST(FolioCounts, FolioOutOfOrder) {
  Mapped mapped;
  map_part(mapped, 32, Pfn(160), Order(4), 0, 16);
  std::swap(mapped[34], mapped[35]);
  EXPECT_EQ(count(mapped).anon.partial[4], PageCount(16));
}

// A PMD entry maps a whole folio; by PTEs the same folio is another figure.
TEST(FolioCounts, PmdOrPte) {
  Mapped mapped;
  map_part(mapped, 512, Pfn(1024), kOrderPmd, 0, 512);
  EXPECT_EQ(count(mapped).anon.aligned[kPmdOrder], PageCount(512));
  for (auto& [number, page] : mapped) page.pmd_mapped = true;
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts.anon.pmd, PageCount(512));
  EXPECT_EQ(counts.anon.total(), PageCount(512));
  EXPECT_EQ(counts.anon.blocks, ByOrder{});
}

// Neighbours in memory that belong to two folios are two folios.
TEST(FolioCounts, NeighboursAreNotOneFolio) {
  Mapped mapped;
  map_part(mapped, 32, Pfn(160), Order(3), 0, 8);
  map_part(mapped, 40, Pfn(168), Order(3), 0, 8);
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts.anon.aligned[3], PageCount(16));
  EXPECT_EQ(counts.anon.blocks[4], PageCount(0));
}

// What is no folio of the program's is counted, but as nobody's.
TEST(FolioCounts, ZeroPagesAndOthers) {
  Mapped mapped;
  for (std::uint64_t i = 0; i < 6; ++i) mapped[i] = page_of(Pfn(7), kOrder0, 0);
  mapped[0].zero = mapped[1].zero = mapped[2].zero = true;
  mapped[3].hugetlb = mapped[4].hugetlb = true;
  mapped[5].special = true;
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts.zero, PageCount(3));
  EXPECT_EQ(counts.hugetlb, PageCount(2));
  EXPECT_EQ(counts.special, PageCount(1));
  EXPECT_EQ(counts.anon.total() + counts.file.total(), PageCount(0));
}

// Random mappings: folios of all orders, whole and in part, in and out of order,
// at any place, with holes.
class RandomMapping {
 public:
  explicit RandomMapping(std::uint64_t seed) : rng_(seed) {}

  Mapped make() {
    for (int i = 0; i < 40; ++i) add_folio();
    return std::move(mapped_);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return rng_.below(n); }

  void add_folio() {
    const Order order(static_cast<unsigned>(below(kPmdOrder + 1)));
    const std::uint64_t size = order.pages().raw();
    at_ += below(3);
    if (below(2) == 0) at_ = VirtAddr(at_ << kPageShift).align_up(order).page_number();
    frame_ = (frame_ + size - 1) & ~(size - 1);
    const std::uint64_t first = below(3) == 0 ? below(size) : 0;
    const std::uint64_t last = below(3) == 0 ? first + 1 + below(size - first) : size;
    Mapped part;
    map_part(part, at_, Pfn(frame_), order, first, last);
    disturb(part);
    if (below(8) != 0) at_ += last - first;  // else the next folio begins within this one
    frame_ += size;
    for (auto& [number, page] : part) mapped_[number] = page;
  }

  void disturb(Mapped& part) {
    const bool anon = below(2) == 0;
    const bool pmd = part.size() == kPagesPerPmd && at_ % kPagesPerPmd == 0 && below(2) == 0;
    for (auto& [number, page] : part) {
      page.anon = anon;
      page.pmd_mapped = pmd;
    }
    if (pmd) at_ += kPagesPerPmd;  // nothing else can lie there
    if (pmd || below(4) != 0) return;
    if (below(2) == 0) part.erase(at_ + below(part.size()));
    if (part.size() > 1) std::swap(part.begin()->second, part.rbegin()->second);
  }

  base::Rng rng_;
  Mapped mapped_;
  std::uint64_t at_ = 4096, frame_ = 512;
};

// Folio by folio and block by block, straight from the definitions.
class NaiveCount {
 public:
  explicit NaiveCount(const Mapped& mapped) : mapped_(mapped) {}

  FolioCounts counts() {
    for (const auto& [number, page] : mapped_) count_page(number, page);
    return counts_;
  }

 private:
  [[nodiscard]] bool in_row(std::uint64_t number, Pfn pfn, std::uint64_t pages) const {
    for (std::uint64_t i = 0; i < pages; ++i) {
      const auto found = mapped_.find(number + i);
      if (found == mapped_.end() || found->second.pfn != pfn + PageCount(i)) return false;
    }
    return true;
  }

  void count_page(std::uint64_t number, const PageView& page) {
    auto& kind = page.anon ? counts_.anon : counts_.file;
    const PageCount one(1);
    if (page.order == kOrder0) {
      kind.single += one;
      return;
    }
    const std::uint64_t begin = number - (page.pfn - page.head).raw();
    const std::uint64_t size = page.order.pages().raw();
    const bool whole = in_row(begin, page.head, size);
    if (page.pmd_mapped) {
      kind.pmd += one;
      return;
    }
    (!whole ? kind.partial : begin % size == 0 ? kind.aligned : kind.unaligned)[page.order.raw()] += one;
    for (unsigned n = 1; n <= page.order.raw(); ++n) {
      const std::uint64_t block = Order(n).pages().raw();
      const std::uint64_t off = number % block;
      if (page.pfn.raw() % block == off && in_row(number - off, page.pfn - PageCount(off), block))
        kind.blocks[n] += one;
    }
  }

  const Mapped& mapped_;
  FolioCounts counts_;
};

class RandomFolioCounts : public ::testing::TestWithParam<std::uint64_t> {};

// The counter and the definitions agree, whether or not holes are shown to it.
TEST_P(RandomFolioCounts, AreThoseOfTheDefinitions) {
  const Mapped mapped = RandomMapping(GetParam()).make();
  const FolioCounts counts = count(mapped);
  EXPECT_EQ(counts, NaiveCount(mapped).counts());
  EXPECT_EQ(counts.anon.total() + counts.file.total(), PageCount(mapped.size()));

  FolioCounter shown_holes(kAllBlocks);
  for (std::uint64_t number = 4000; number <= mapped.rbegin()->first + 5; ++number) {
    const auto found = mapped.find(number);
    shown_holes.add(VirtAddr(number << kPageShift), found == mapped.end() ? PageView{} : found->second);
  }
  EXPECT_EQ(shown_holes.finish(), counts);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFolioCounts, ::testing::Range<std::uint64_t>(1, 61));

}  // namespace
}  // namespace quire::live
