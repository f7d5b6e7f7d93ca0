// Shared anonymous memory: small pages that belong to nobody's mapping.
#include <gtest/gtest.h>

#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

VirtAddr map_shared(Process& p, ByteCount length) {
  return *p.mmap({.addr = kArena, .length = length, .flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED});
}

// Every program sees every write, also behind a DONTNEED.
TEST(SharedMemory, IsOnePageForAll) {
  const auto k = boot("all");
  Process& p = k->spawn();
  map_shared(p, 64_KiB);
  fill(p, kArena, 64_KiB);
  EXPECT_EQ(picture(p, kArena, 16), std::string(16, '0'));
  Process& child = **p.fork();
  EXPECT_EQ(picture(child, kArena, 16), std::string(16, '.'));
  EXPECT_TRUE(filled(child, kArena, 64_KiB));
  const std::byte b{77};
  ASSERT_TRUE(child.store(page(3), {&b, 1}));
  ASSERT_TRUE(p.madvise(kArena, 64_KiB, MADV_DONTNEED));
  std::byte found{};
  ASSERT_TRUE(p.load(page(3), {&found, 1}));
  EXPECT_EQ(found, b);
  expect_sound(*k);
}

// A read maps what is there in the 64 KiB around it, a write one page.
TEST(SharedMemory, ReadsMapAround) {
  const auto k = boot("all");
  Process& p = k->spawn();
  map_shared(p, 128_KiB);
  for (const std::uint64_t n : {0U, 2U, 15U, 16U}) fill(p, page(n), pages(1));
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, MADV_DONTNEED));
  EXPECT_EQ(p.touch(page(1), AccessKind::kRead), FaultResult::kMinor);
  EXPECT_EQ(picture(p, kArena, 17), "000............0.");
  EXPECT_EQ(p.touch(page(1), AccessKind::kWrite), FaultResult::kHit);
  expect_sound(*k);
}

// Where a mapping begins inside the 64 KiB block, the window begins with it.
TEST(SharedMemory, ReadsMapAroundFromTheBorder) {
  const auto k = boot("all");
  Process& p = k->spawn();
  map_shared(p, 128_KiB);
  fill(p, kArena, 128_KiB);
  ASSERT_TRUE(p.madvise(kArena, 128_KiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(page(10), pages(1), MADV_HUGEPAGE));  // cuts it in three
  EXPECT_EQ(p.touch(page(12), AccessKind::kRead), FaultResult::kMinor);
  EXPECT_EQ(picture(p, kArena, 32), std::string(11, '.') + std::string(16, '0') + std::string(5, '.'));
}

// Its frames come back when the last mapping of a part of it goes.
TEST(SharedMemory, GoesWithItsLastMapping) {
  const auto k = boot("all");
  Process& p = k->spawn();
  const PageCount before = k->free_pages();
  map_shared(p, 1_MiB);
  fill(p, kArena, 1_MiB);
  ASSERT_TRUE(p.munmap(kArena + 64_KiB, 1_MiB - 64_KiB));
  EXPECT_LT(k->free_pages() + PageCount(255), before);
  Process& child = **p.fork();
  ASSERT_TRUE(p.munmap(kArena, 64_KiB));
  EXPECT_TRUE(filled(child, kArena, 64_KiB));
  child.exit();
  EXPECT_GE(k->free_pages() + PageCount(4), before);  // tables may stay
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
