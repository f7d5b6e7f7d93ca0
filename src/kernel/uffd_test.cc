// userfaultfd in missing mode: nothing appears but what the program puts there.
#include <gtest/gtest.h>

#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

// Whatever sizes are on, a touch is SIGBUS, and a copied page is one page.
TEST(Uffd, MissingPagesAreFilledOneByOne) {
  for (const char* policy : {"64K", "2M", "never"}) {
    const auto k = boot(policy);
    Process& p = k->spawn();
    map(p, 2_MiB);
    ASSERT_TRUE(p.uffd_register(kArena, 2_MiB));
    EXPECT_EQ(p.touch(kArena, AccessKind::kWrite), FaultResult::kBus) << policy;
    EXPECT_EQ(p.touch(page(1), AccessKind::kRead), FaultResult::kBus) << policy;
    ASSERT_TRUE(p.uffd_copy(kArena, pages(2), std::byte{9}));
    ASSERT_TRUE(p.uffd_zeropage(page(2), pages(1)));
    EXPECT_EQ(picture(p, kArena, 5), "00z..") << policy;
    std::byte b{};
    ASSERT_TRUE(p.load(page(1) + ByteCount(100), {&b, 1}));
    EXPECT_EQ(b, std::byte{9});
    EXPECT_EQ(p.touch(page(2), AccessKind::kWrite), FaultResult::kMinor);
    EXPECT_EQ(picture(p, kArena, 5), "000..") << policy;
    EXPECT_EQ(*k->vmstat("thp_fault_alloc"), 0U) << policy;
    expect_sound(*k);
  }
}

TEST(Uffd, RefusesWhatIsThereAndWhatNobodyWatches) {
  const auto k = boot("2M");
  Process& p = k->spawn();
  map(p, 4_MiB);
  ASSERT_EQ(p.touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(p.uffd_copy(page(512), pages(1), {}).error(), Errno::kNoEnt);
  ASSERT_TRUE(p.uffd_register(kArena, 4_MiB));
  EXPECT_EQ(p.uffd_copy(page(3), pages(1), {}).error(), Errno::kExist);
  EXPECT_EQ(p.uffd_zeropage(page(3), pages(1)).error(), Errno::kExist);
  EXPECT_EQ(p.uffd_register(kArena + 8_MiB, 4_KiB).error(), Errno::kInval);
  ASSERT_TRUE(p.uffd_unregister(kArena, 4_MiB));
  EXPECT_EQ(p.uffd_copy(page(512), pages(1), {}).error(), Errno::kNoEnt);
  EXPECT_EQ(p.touch(page(512), AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(picture(p, page(512), 512), std::string(512, 'P'));
  expect_sound(*k);
}

// Neither children nor moved memory are watched.
TEST(Uffd, StaysWithTheMapping) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 64_KiB);
  ASSERT_TRUE(p.uffd_register(kArena, 64_KiB));
  Process& child = **p.fork();
  EXPECT_EQ(child.touch(kArena, AccessKind::kWrite), FaultResult::kMinor);
  EXPECT_EQ(p.touch(kArena, AccessKind::kWrite), FaultResult::kBus);
  ASSERT_TRUE(p.mremap(kArena, 64_KiB, 64_KiB, MREMAP_MAYMOVE | MREMAP_FIXED, kArena + 2_MiB));
  EXPECT_EQ(p.touch(kArena + 2_MiB, AccessKind::kWrite), FaultResult::kMinor);
  expect_sound(*k);
}

}  // namespace
}  // namespace quire
