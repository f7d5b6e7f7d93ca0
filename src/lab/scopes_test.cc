#include "lab/scopes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/parse.h"

namespace quire::lab {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr policy::KernelVersion kNew{6, 18};

std::vector<std::string> names(const char* now, const Runtimes& runtimes,
                               policy::KernelVersion kernel = kNew) {
  std::vector<std::string> names;
  for (const ProgramChange& c : changes_without_host(*policy::parse_policy(now), runtimes, kernel))
    names.push_back(c.name);
  return names;
}

// Where large folios are for who asks, a program can ask: in its source, or by its allocator.
TEST(Scopes, AProgramCanAsk) {
  EXPECT_THAT(
      names("linux-6.18", {{"libc.so.6", "python3.11"}}),
      ElementsAre("MADV_HUGEPAGE heap", "MADV_HUGEPAGE maps", "MADV_HUGEPAGE all", "glibc.malloc.hugetlb=1"));
}

// Where everybody gets them, a program or its unit can refuse, and asking changes nothing.
TEST(Scopes, AProgramCanRefuse) {
  EXPECT_THAT(names("2M", {{"libc.so.6"}}),
              ElementsAre("MADV_NOHUGEPAGE heap", "MADV_NOHUGEPAGE maps", "MADV_NOHUGEPAGE all",
                          "MemoryTHP=disable", "MemoryTHP=madvise"));
  EXPECT_THAT(names("2M", {}, {6, 17}), Not(Contains("MemoryTHP=madvise")));
}

// Where nobody gets any, no program can do anything about it.
TEST(Scopes, NothingToAskFor) { EXPECT_THAT(names("4K", {{"libc.so.6"}}), IsEmpty()); }

// glibc's option is offered to who allocates by glibc, on hosts where glibc heeds it.
TEST(Scopes, TheAllocatorThatIsThere) {
  const char* const kGlibc = "glibc.malloc.hugetlb=1";
  EXPECT_THAT(names("linux-6.18", {}), Not(Contains(kGlibc)));
  EXPECT_THAT(names("linux-6.18", {{"libc.so.6", "libtcmalloc.so.4"}}), Not(Contains(kGlibc)));
  EXPECT_THAT(names("linux-6.18", {{"libc.so.6", "libjemalloc.so.2"}}), Contains("jemalloc thp:always"));
  EXPECT_THAT(names("transparent_hugepage=never thp_anon=64K:madvise", {{"libc.so.6"}}),
              Not(Contains(kGlibc)));
}

// Every change can be pasted and undone, and its scope reads back from its name.
TEST(Scopes, EveryChangeHasItsLines) {
  for (const char* const now : {"linux-6.18", "2M", "all"}) {
    for (const ProgramChange& c : changes_without_host(*policy::parse_policy(now), {{"libc.so.6"}}, kNew)) {
      EXPECT_FALSE(c.lines.empty()) << c.name;
      EXPECT_FALSE(c.undo.empty()) << c.name;
      EXPECT_LT(c.scope, Scope::kAdvised) << c.name;
      EXPECT_EQ(parse_scope(name_of(c.scope)), c.scope);
    }
  }
  EXPECT_FALSE(parse_scope("world"));
}

}  // namespace
}  // namespace quire::lab
