// anon_beside_full: a size below 2 MiB only beside a full block of it. The
// litmus files beside-full-* hold the same against the running kernel.
#include <array>

#include "kernel/testing_machine.h"

namespace quire {
namespace {

using namespace testing;

void write(Process& p, std::uint64_t n) {
  ASSERT_EQ(p.touch(page(n), AccessKind::kWrite), FaultResult::kMinor);
}
void read(Process& p, std::uint64_t n) {
  ASSERT_EQ(p.touch(page(n), AccessKind::kRead), FaultResult::kMinor);
}

// How often each size of 16, 32 and 64 kB was declined.
std::array<std::uint64_t, 3> declined(const Kernel& k) {
  return {stat(k, "16/anon_fault_declined"), stat(k, "32/anon_fault_declined"),
          stat(k, "64/anon_fault_declined")};
}

using Declined = std::array<std::uint64_t, 3>;

// Released kernels do as 0 says, and so does every policy that does not name the file.
TEST(BesideFull, OffUnlessNamed) {
  const auto k = boot("16K+32K+64K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  write(p, 0);
  EXPECT_EQ(picture(p, kArena, 17), times(16, '4') + ".");
  EXPECT_EQ(declined(*k), (Declined{0, 0, 0}));
}

// With nothing beside them all sizes are declined, each once; with pages in the block none is asked.
TEST(BesideFull, DeclinesEachSizeOnce) {
  const auto k = boot("16K+32K+64K anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 1_MiB);
  write(p, 0);
  EXPECT_EQ(declined(*k), (Declined{1, 1, 1}));
  write(p, 1);
  EXPECT_EQ(declined(*k), (Declined{1, 1, 1}));
  write(p, 8);
  EXPECT_EQ(declined(*k), (Declined{2, 2, 1}));
  EXPECT_EQ(picture(p, kArena, 16), "00......0.......");
  EXPECT_EQ(stat(*k, "16/anon_fault_fallback"), 0U);
  expect_sound(*k);
}

// Left or right, pages or zero pages: a full block is a full block.
TEST(BesideFull, EitherSideServes) {
  const auto k = boot("16K anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 1_MiB);
  for (unsigned n = 4; n < 8; ++n) read(p, n);
  write(p, 2);
  write(p, 9);
  EXPECT_EQ(picture(p, kArena, 12), "2222zzzz2222");
  EXPECT_EQ(declined(*k), (Declined{0, 0, 0}));
  expect_sound(*k);
}

// The last block of a table has no neighbour behind it, the first none before it.
TEST(BesideFull, TablesAreBorders) {
  const auto k = boot("64K anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 4_MiB);
  for (unsigned n = 496; n < 512; ++n) read(p, n);
  write(p, 512);
  EXPECT_EQ(picture(p, page(510), 4), "zz0.");
  EXPECT_EQ(declined(*k), (Declined{0, 0, 1}));
  write(p, 480);
  EXPECT_EQ(picture(p, page(480), 16), times(16, '4'));
  for (unsigned n = 513; n < 528; ++n) write(p, n);
  ASSERT_TRUE(p.madvise(page(496), 64_KiB, MADV_DONTNEED));
  ASSERT_TRUE(p.madvise(page(480), 64_KiB, MADV_DONTNEED));
  write(p, 496);
  EXPECT_EQ(declined(*k), (Declined{0, 0, 2}));
  expect_sound(*k);
}

// A block that lies in another mapping, or reaches into one, is nobody's neighbour.
TEST(BesideFull, MappingsAreBorders) {
  const auto k = boot("64K anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 256_KiB);
  for (unsigned n = 0; n < 16; ++n) write(p, n);
  for (unsigned n = 48; n < 64; ++n) write(p, n);
  ASSERT_TRUE(p.mprotect(kArena, 4_KiB, PROT_READ));
  ASSERT_TRUE(p.mprotect(page(60), 16_KiB, PROT_READ));
  const std::uint64_t before = stat(*k, "64/anon_fault_declined");
  write(p, 20);
  write(p, 40);
  EXPECT_EQ(stat(*k, "64/anon_fault_declined"), before + 2);
  ASSERT_TRUE(p.madvise(page(16), 128_KiB, MADV_DONTNEED));
  ASSERT_TRUE(p.mprotect(kArena, 4_KiB, PROT_READ | PROT_WRITE));
  write(p, 20);
  EXPECT_EQ(picture(p, page(16), 16), times(16, '4'));
}

// 2 MiB asks for nothing.
TEST(BesideFull, NotOf2MiB) {
  const auto k = boot("64K+2M anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 2_MiB);
  write(p, 100);
  EXPECT_EQ(picture(p, kArena, 1), "P");
  EXPECT_EQ(declined(*k), (Declined{0, 0, 0}));
}

// A size that passed and finds no frames: the smaller ones are tried without a question.
TEST(BesideFull, FallbackDoesNotAskAgain) {
  const auto k = boot("16K+64K anon_beside_full=1");
  Process& p = k->spawn();
  map(p, 1_MiB);
  for (unsigned n = 0; n < 16; ++n) read(p, n);
  k->set_allocation_failure([](void*, Order order) { return order == Order(4); }, nullptr);
  write(p, 24);
  EXPECT_EQ(picture(p, page(16), 16), "........2222....");
  EXPECT_EQ(stat(*k, "64/anon_fault_fallback"), 1U);
  EXPECT_EQ(declined(*k), (Declined{0, 0, 0}));
}

// A change of the file holds for the next fault.
TEST(BesideFull, TheFileIsAskedAtEachFault) {
  const auto k = boot("64K");
  Process& p = k->spawn();
  map(p, 1_MiB);
  ASSERT_TRUE(k->sysfs_write("anon_beside_full", "1\n"));
  write(p, 0);
  ASSERT_TRUE(k->sysfs_write("anon_beside_full", "0"));
  write(p, 32);
  EXPECT_EQ(picture(p, kArena, 48), "0" + times(31, '.') + times(16, '4'));
}

}  // namespace
}  // namespace quire
