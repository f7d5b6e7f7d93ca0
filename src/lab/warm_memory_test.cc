#include "lab/warm_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>

#include "live/memory_use.h"

namespace quire::lab {
namespace {

std::uint64_t faults_of_children() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

// A little more than the program's peak, in whole pages, and never so much that
// the host would have to look for it.
TEST(WarmMemory, IsNoMoreThanTheHostCanSpare) {
  EXPECT_EQ(warmed_for(64_MiB, ByteCount(1ULL << 40)), 72_MiB);
  EXPECT_EQ(warmed_for(64_MiB, 64_MiB), 16_MiB);
  EXPECT_EQ(warmed_for(ByteCount(1), ByteCount(1ULL << 40)), ByteCount(kPageSize));
  EXPECT_EQ(warmed_for(ByteCount(0), ByteCount(0)), ByteCount(kPageSize));
}

// Each small page is really written to, and the process is gone afterwards.
TEST(WarmMemory, IsWrittenToAndGivenBack) {
  if (live::read_meminfo().empty()) GTEST_SKIP() << "/proc/meminfo cannot be read";
  const std::uint64_t before = faults_of_children();
  const auto done = warm_memory(8_MiB);
  ASSERT_TRUE(done) << done.error().line();
  EXPECT_GE(faults_of_children() - before, (9_MiB).raw() / kPageSize);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace quire::lab
