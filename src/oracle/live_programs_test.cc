// The programs of experiments do as they are told.
#include "oracle/live_programs.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>

namespace quire::litmus {
namespace {

constexpr std::uint64_t kArena = 0x200000000;
constexpr Command kMapFour{.call = Call::kMmap,
                           .addr = kArena,
                           .length = 4 * kPageSize,
                           .number = PROT_READ | PROT_WRITE,
                           .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

// A fault is counted to the access that took it, and a bad one is survived.
TEST(LivePrograms, CountsFaultsAndSurvivesBadAccesses) {
  LivePrograms programs;
  const auto mapped = programs.run(0, kMapFour);
  ASSERT_TRUE(mapped && mapped->error == 0);
  const Command write{.call = Call::kWrite, .addr = kArena, .length = 6 * kPageSize, .value = 7};
  const auto first = programs.run(0, write);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->faults, 4U);
  EXPECT_EQ(first->bad, 2U);
  EXPECT_EQ(first->signal, SIGSEGV);
  const auto second = programs.run(0, write);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->faults, 0U);
}

// A read compares what it finds when it is told what that should be.
TEST(LivePrograms, ComparesBytes) {
  LivePrograms programs;
  ASSERT_TRUE(programs.run(0, kMapFour));
  ASSERT_TRUE(programs.run(0, {.call = Call::kWrite, .addr = kArena, .length = 2 * kPageSize, .value = 7}));
  const auto read =
      programs.run(0, {.call = Call::kRead, .addr = kArena, .length = 4 * kPageSize, .value = 7});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->wrong, 2U);
}

// What the kernel refuses comes back as its error number.
TEST(LivePrograms, TellsErrors) {
  LivePrograms programs;
  const auto refused = programs.run(0, {.call = Call::kMunmap, .addr = kArena + 1, .length = kPageSize});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error, EINVAL);
}

// The child has its own wires and ends without its parent.
TEST(LivePrograms, ForksASibling) {
  LivePrograms programs;
  ASSERT_TRUE(programs.run(0, kMapFour));
  const auto forked = programs.run(0, {.call = Call::kFork, .slot = 1});
  ASSERT_TRUE(forked && forked->error == 0);
  ASSERT_TRUE(programs.alive(1));
  const auto gone = programs.run(0, {.call = Call::kMunmap, .addr = kArena, .length = 4 * kPageSize});
  ASSERT_TRUE(gone && gone->error == 0);
  const auto child = programs.run(1, {.call = Call::kWrite, .addr = kArena, .length = 1, .value = 1});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->bad, 0U);
  ASSERT_TRUE(programs.run(1, {.call = Call::kExit}));
  EXPECT_FALSE(programs.alive(1));
}

// A program that execs serves on, without its memory.
TEST(LivePrograms, ServesAfterExec) {
  LivePrograms programs;
  ASSERT_TRUE(programs.run(0, kMapFour));
  const pid_t before = programs.pid(0);
  const auto again = programs.run(0, {.call = Call::kExec});
  ASSERT_TRUE(again && again->error == 0);
  EXPECT_EQ(programs.pid(0), before);
  const auto read = programs.run(0, {.call = Call::kRead, .addr = kArena, .length = 1});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bad, 1U);
  const auto forked = programs.run(0, {.call = Call::kFork, .slot = 1});
  ASSERT_TRUE(forked && forked->error == 0);
  EXPECT_TRUE(programs.run(1, kMapFour));
}

// Pins go by the range they were taken with.
TEST(LivePrograms, PinsAndUnpins) {
  LivePrograms programs;
  ASSERT_TRUE(programs.run(0, kMapFour));
  const auto pinned = programs.run(0, {.call = Call::kPin, .addr = kArena, .length = 2 * kPageSize});
  ASSERT_TRUE(pinned);
  if (pinned->error == EPERM || pinned->error == ENOSYS) GTEST_SKIP() << "this host has no io_uring";
  EXPECT_EQ(pinned->error, 0);
  EXPECT_EQ(programs.run(0, {.call = Call::kUnpin, .addr = kArena, .length = kPageSize})->error, EINVAL);
  EXPECT_EQ(programs.run(0, {.call = Call::kUnpin, .addr = kArena, .length = 2 * kPageSize})->error, 0);
  EXPECT_EQ(programs.run(0, {.call = Call::kPin, .addr = kArena, .length = 5 * kPageSize})->error, EFAULT);
}
}  // namespace
}  // namespace quire::litmus
