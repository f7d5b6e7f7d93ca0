#include "compress/zsmalloc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/testing_bytes.h"
#include "phys/memory.h"

namespace quire::compress {
namespace {

using testing::Bytes;
using testing::bytes_of;
using testing::FailingPages;
using testing::Kind;

std::string broken(const ZsPool& pool) {
  base::InvariantReport report;
  pool.check_invariants(report);
  return report.text();
}

ZsHandle stored(ZsPool& pool, const Bytes& bytes) {
  const auto handle = pool.allocate(ByteCount(bytes.size()));
  EXPECT_TRUE(handle.has_value());
  pool.write(*handle, bytes);
  return *handle;
}

Bytes read(ZsPool& pool, ZsHandle handle, std::size_t size) {
  Bytes scratch(size);
  const auto at = pool.read(handle, ByteCount(size), scratch);
  return {at.begin(), at.end()};
}

// A pool takes frames when the first object of a zspage comes and gives them
// back when the last goes.
TEST(ZsPool, HoldsFramesOnlyForObjects) {
  HeapPages pages;
  ZsPool pool(pages);
  EXPECT_EQ(pages.used(), PageCount(0));
  const ZsHandle handle = stored(pool, bytes_of(Kind::kText, 1000, 1));
  EXPECT_EQ(pages.used(), pool.total_pages());
  EXPECT_GT(pages.used(), PageCount(0));
  EXPECT_EQ(broken(pool), "");
  pool.free(handle);
  EXPECT_EQ(pages.used(), PageCount(0));
  EXPECT_EQ(pool.objects(), 0U);
  EXPECT_EQ(broken(pool), "");
}

// A zspage of class 1632 has five objects in two frames; the third lies in both.
//
//   frame  0                       1
//          |1632|1632|832.. | ..800|1632|1632|32|
TEST(ZsPool, ObjectsCrossTheEndOfAFrame) {
  if (kPageSize != 4096) GTEST_SKIP() << "the picture is of 4 KiB pages";
  HeapPages pages;
  ZsPool pool(pages);
  std::vector<ZsHandle> handles;
  for (std::uint64_t n = 0; n < 5; ++n) handles.push_back(stored(pool, bytes_of(Kind::kRandom, 1620, n)));
  EXPECT_EQ(pool.total_pages(), PageCount(2));
  Bytes scratch(1620);
  for (std::uint64_t n = 0; n < 5; ++n) {
    const auto at = pool.read(handles[n], ByteCount(1620), scratch);
    EXPECT_EQ(at.data() == scratch.data(), n == 2) << n;
    EXPECT_EQ(Bytes(at.begin(), at.end()), bytes_of(Kind::kRandom, 1620, n));
  }
  for (const ZsHandle handle : handles) pool.free(handle);
}

// An object as large as a page has the page for itself.
TEST(ZsPool, AWholePageIsOnePage) {
  HeapPages pages;
  ZsPool pool(pages);
  const Bytes page = bytes_of(Kind::kRandom, kPageSize, 4);
  const ZsHandle handle = stored(pool, page);
  EXPECT_EQ(pool.total_pages(), PageCount(1));
  EXPECT_EQ(read(pool, handle, kPageSize), page);
}

TEST(ZsPool, RefusesWhatIsLargerThanItsObjects) {
  HeapPages pages;
  ZsPool pool(pages);
  EXPECT_EQ(pool.allocate(ByteCount(kPageSize + 1)).error(), ZsError::kTooLarge);
  EXPECT_EQ(pages.used(), PageCount(0));
}

class ZsPoolLarge : public ::testing::TestWithParam<ZsLayout> {};
INSTANTIATE_TEST_SUITE_P(Layouts, ZsPoolLarge, ::testing::Values(ZsLayout::kFrames, ZsLayout::kUnits));

// Units of 16 pages: objects of every size up to that, beside those of a page.
TEST_P(ZsPoolLarge, KeepsObjectsOfManyPages) {
  HeapPages pages;
  ZsPool pool(pages, {.largest_object = ByteCount(16 * kPageSize), .layout = GetParam()});
  std::vector<std::pair<ZsHandle, std::size_t>> kept;
  for (std::size_t size = 1; size <= 16 * kPageSize; size += 1 + size / 3) {
    kept.emplace_back(stored(pool, bytes_of(Kind::kRandom, size, size)), size);
    ASSERT_EQ(broken(pool), "");
  }
  for (const auto& [handle, size] : kept)
    EXPECT_EQ(read(pool, handle, size), bytes_of(Kind::kRandom, size, size));
  EXPECT_EQ(pool.allocate(ByteCount(16 * kPageSize + 1)).error(), ZsError::kTooLarge);
  const ZsHandle whole = stored(pool, bytes_of(Kind::kRandom, 16 * kPageSize, 1));
  EXPECT_EQ(read(pool, whole, 16 * kPageSize), bytes_of(Kind::kRandom, 16 * kPageSize, 1));
}

// Three zspages with a third of their objects each become one; every handle still
// leads to its bytes.
TEST(ZsPool, CompactionKeepsEveryObject) {
  HeapPages pages;
  ZsPool pool(pages);
  const std::size_t size = 500;
  std::vector<ZsHandle> handles;
  while (pages.used() < PageCount(40))
    handles.push_back(stored(pool, bytes_of(Kind::kRandom, size, handles.size())));
  for (std::size_t n = 0; n < handles.size(); ++n)
    if (n % 3 != 0) pool.free(handles[n]);
  const PageCount before = pages.used();
  PageCount promised;
  for (const ZsClassStats& line : pool.class_stats()) promised += line.freeable;
  const PageCount won = pool.compact();
  EXPECT_GT(won, PageCount(0));
  EXPECT_EQ(won, promised);
  EXPECT_EQ(before - pages.used(), won);
  EXPECT_EQ(pool.pages_compacted(), won);
  EXPECT_EQ(pool.compact(), PageCount(0)) << "nothing is left to win";
  EXPECT_EQ(broken(pool), "");
  for (std::size_t n = 0; n < handles.size(); n += 3)
    EXPECT_EQ(read(pool, handles[n], size), bytes_of(Kind::kRandom, size, n));
}

// The frame that is missing, whichever it is, costs the caller the object and
// nothing else.
TEST(ZsPool, AFailedAllocationChangesNothing) {
  for (std::uint64_t fails_at = 0; fails_at < 30; ++fails_at) {
    FailingPages pages(fails_at);
    ZsPool pool(pages, {.largest_object = ByteCount(4 * kPageSize)});
    std::vector<std::pair<ZsHandle, std::size_t>> kept;
    std::optional<ZsError> error;
    std::size_t size = 0;
    while (!error) {
      size = 100 + kept.size() * 1700 % (4 * kPageSize - 100);
      const PageCount frames = pages.used();
      const auto handle = pool.allocate(ByteCount(size));
      if (!handle) {
        error = handle.error();
        EXPECT_EQ(pages.used(), frames);
        break;
      }
      pool.write(*handle, bytes_of(Kind::kRandom, size, size));
      kept.emplace_back(*handle, size);
    }
    EXPECT_EQ(*error, ZsError::kNoMemory);
    EXPECT_EQ(pool.total_pages(), pages.used());
    EXPECT_EQ(pool.objects(), kept.size());
    EXPECT_EQ(broken(pool), "");
    for (const auto& [handle, n] : kept) EXPECT_EQ(read(pool, handle, n), bytes_of(Kind::kRandom, n, n));
    pages.recover();
    EXPECT_TRUE(pool.allocate(ByteCount(size)).has_value());
  }
}

// A simulated machine pays for the pool with its own frames, and gets them back.
TEST(ZsPool, AMachinesMemoryPaysForIt) {
  auto memory = phys::PhysMemory::create({.ram = 16_MiB});
  ASSERT_TRUE(memory.has_value());
  const PageCount free = memory->free_pages();
  MachinePages pages(*memory);
  {
    ZsPool pool(pages);
    const Bytes bytes = bytes_of(Kind::kText, 3000, 2);
    const ZsHandle handle = stored(pool, bytes);
    EXPECT_EQ(read(pool, handle, 3000), bytes);
    EXPECT_EQ(free - memory->free_pages(), pool.total_pages());
    while (pool.allocate(ByteCount(3000)).has_value()) {
    }
    EXPECT_EQ(broken(pool), "");
  }
  EXPECT_EQ(memory->free_pages(), free);
}

// A machine without contents has the same pool, and no bytes.
TEST(ZsPool, AMachineWithoutContentsKeepsAccountsOnly) {
  auto memory = phys::PhysMemory::create({.ram = 16_MiB, .contents = phys::Contents::kNone});
  ASSERT_TRUE(memory.has_value());
  MachinePages frames(*memory);
  HeapPages heap;
  ZsPool without(frames), with(heap);
  std::vector<ZsHandle> handles;
  for (std::size_t size = 10; size < kPageSize; size += 37) {
    handles.push_back(stored(without, Bytes(size)));
    stored(with, Bytes(size));
  }
  EXPECT_EQ(without.classes_text(), with.classes_text());
  EXPECT_TRUE(read(without, handles[0], 10).empty());
  EXPECT_EQ(without.compact(), with.compact());
}

// The table reads as the kernel's; scripts that read the one read the other.
TEST(ZsPool, ShowsItsClassesAsTheKernelDoes) {
  if (kPageSize != 4096) GTEST_SKIP() << "the table is of 4 KiB pages";
  HeapPages pages;
  ZsPool pool(pages);
  for (int n = 0; n < 6; ++n) (void)stored(pool, Bytes(1620));
  const std::string text = pool.classes_text();
  EXPECT_THAT(text, ::testing::StartsWith(
                        " class  size       10%       20%       30%       40%       50%       60%       70%"
                        "       80%       90%       99%      100% obj_allocated   obj_used pages_used"
                        " pages_per_zspage freeable\n"));
  EXPECT_THAT(
      text,
      ::testing::HasSubstr(
          "   100  1632         0         0         1         0         0         0         0         0"
          "         0         0         1            10          6          4                2        0\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n Total       "));
}

}  // namespace
}  // namespace quire::compress
