#include "phys/tag_memory.h"

#include <gtest/gtest.h>

#include "phys/memory.h"

namespace quire::phys {
namespace {

// What a page that never had tags is asked for is 0, and setting some makes no others.
TEST(TagMemory, KeepsFourBitsForEach16Bytes) {
  const auto tags = TagMemory::create(PageCount(200));
  EXPECT_EQ(tags->get(Pfn(3), 7), MemoryTag(0));
  EXPECT_FALSE(tags->tagged(Pfn(3)));
  tags->tag(Pfn(3), PageCount(1));
  for (std::uint64_t i = 0; i < kTagsPerPage; ++i)
    tags->set(Pfn(3), i, MemoryTag(static_cast<unsigned>(i * 7)));
  for (std::uint64_t i = 0; i < kTagsPerPage; ++i)
    EXPECT_EQ(tags->get(Pfn(3), i), MemoryTag(static_cast<unsigned>(i * 7))) << i;
  tags->set(Pfn(3), 5, MemoryTag(9));
  EXPECT_EQ(tags->get(Pfn(3), 4), MemoryTag(28));
  EXPECT_EQ(tags->get(Pfn(3), 5), MemoryTag(9));
  EXPECT_FALSE(tags->tagged(Pfn(2)) || tags->tagged(Pfn(4)));
}

// A page is tagged with 0 once; after that its tags are its own.
TEST(TagMemory, TaggingAgainChangesNothing) {
  const auto tags = TagMemory::create(PageCount(200));
  tags->tag(Pfn(60), PageCount(100));
  EXPECT_EQ(tags->tagged_pages(), PageCount(100));
  tags->set(Pfn(128), 0, MemoryTag(5));
  tags->tag(Pfn(120), PageCount(20));
  EXPECT_EQ(tags->get(Pfn(128), 0), MemoryTag(5));
  EXPECT_EQ(tags->tagged_pages(), PageCount(100));
  EXPECT_FALSE(tags->any_tagged(Pfn(0), PageCount(60)));
  EXPECT_TRUE(tags->any_tagged(Pfn(0), PageCount(61)));
}

// Freed and had again, it has none, whatever it had.
TEST(TagMemory, ForgetsAnyRange) {
  const auto tags = TagMemory::create(PageCount(200));
  tags->tag(Pfn(0), PageCount(200));
  tags->set(Pfn(64), 1, MemoryTag(3));
  tags->forget(Pfn(63), PageCount(66));
  EXPECT_TRUE(tags->tagged(Pfn(62)) && tags->tagged(Pfn(129)));
  EXPECT_FALSE(tags->any_tagged(Pfn(63), PageCount(66)));
  EXPECT_EQ(tags->tagged_pages(), PageCount(134));
  tags->tag(Pfn(64), PageCount(1));
  EXPECT_EQ(tags->get(Pfn(64), 1), MemoryTag(0));
}

// Only tags that mean something are copied, and only where there are none.
TEST(TagMemory, CopiesWhatThereIs) {
  const auto tags = TagMemory::create(PageCount(8));
  tags->copy(Pfn(1), Pfn(2));
  EXPECT_FALSE(tags->tagged(Pfn(2)));
  tags->tag(Pfn(1), PageCount(1));
  tags->set(Pfn(1), 9, MemoryTag(12));
  tags->copy(Pfn(1), Pfn(2));
  EXPECT_EQ(tags->get(Pfn(2), 9), MemoryTag(12));
  tags->set(Pfn(1), 9, MemoryTag(1));
  tags->restore(Pfn(2), tags->bytes(Pfn(1)));
  EXPECT_EQ(tags->get(Pfn(2), 9), MemoryTag(12));
}

// A machine has them only when it was asked for; a copied page brings its tags, a freed
// one leaves them.
TEST(PhysMemoryWithTags, CopiesAndForgets) {
  EXPECT_EQ(PhysMemory::create({.ram = 4_MiB})->tags(), nullptr);
  PhysMemory m = *PhysMemory::create({.ram = 4_MiB, .tags = MemoryTags::kMte});
  const Pfn from = *m.allocate(kOrder0), block = *m.allocate(Order(2));
  m.tags()->tag(from, PageCount(1));
  m.tags()->set(from, 3, MemoryTag(6));
  m.copy(from, block + PageCount(1));
  EXPECT_EQ(m.tags()->get(block + PageCount(1), 3), MemoryTag(6));
  m.free(from, kOrder0);
  m.free(block, Order(2));
  EXPECT_EQ(m.tags()->tagged_pages(), PageCount(0));
  base::InvariantReport report;
  m.check_invariants(report);
  EXPECT_TRUE(report.ok()) << report.text();
}

// I-MTE-1: tags on a free frame are found.
TEST(PhysMemoryWithTags, AFreeFrameWithTagsIsFound) {
  PhysMemory m = *PhysMemory::create({.ram = 4_MiB, .tags = MemoryTags::kMte});
  const Pfn page = *m.allocate(kOrder0);
  m.free(page, kOrder0);
  m.tags()->tag(page, PageCount(1));
  base::InvariantReport report;
  m.check_invariants(report);
  EXPECT_NE(report.text().find("I-MTE-1"), std::string::npos);
}

}  // namespace
}  // namespace quire::phys
