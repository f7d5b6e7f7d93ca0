// Every trap once present, and once absent by the one thing that makes it so.
#include "live/doctor/traps.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

namespace quire::live::doctor {
namespace {

// A host on which nothing is wrong: Linux 6.18 as it boots.
HostFacts sound() {
  HostFacts facts;
  facts.thp = {{"enabled", "madvise"},
               {"defrag", "madvise"},
               {"use_zero_page", "1"},
               {"shrink_underused", "1"},
               {"shmem_enabled", "never"},
               {"hugepages-64kB/enabled", "never"},
               {"hugepages-64kB/shmem_enabled", "never"},
               {"hugepages-2048kB/enabled", "inherit"},
               {"hugepages-2048kB/shmem_enabled", "inherit"},
               {"khugepaged/scan_sleep_millisecs", "10000"},
               {"khugepaged/max_ptes_none", "511"}};
  facts.kernel_release = "6.18.0";
  facts.processes = {{1, 0, "init", 1, true}, {20, 1, "java", 90, true}, {2, 0, "kthreadd", 1, std::nullopt}};
  facts.swaps = {{"/dev/vda2", "partition"}};
  facts.groups = {{"/db", "1073741824", "1073741824"}};
  return facts;
}

HostFacts with(std::initializer_list<std::pair<const char*, const char*>> words) {
  HostFacts facts = sound();
  for (const auto& [path, word] : words) facts.thp[path] = word;
  return facts;
}

// What each trap finds, and that a finding says all three things.
std::string found(const Trap& trap, const HostFacts& facts) {
  const auto finding = trap.look(facts);
  if (!finding) return "";
  EXPECT_FALSE(finding->matters.empty()) << trap.name;
  EXPECT_FALSE(finding->advice.empty()) << trap.name;
  return finding->found;
}
std::string found(std::string_view name, const HostFacts& facts) {
  for (const Trap& trap : traps())
    if (trap.name == name) return found(trap, facts);
  ADD_FAILURE() << "no trap " << name;
  return "";
}

// A host as Linux boots is no news, and neither is one nothing is known of.
TEST(Traps, NoneOnASoundHost) {
  for (const Trap& trap : traps()) {
    EXPECT_EQ(found(trap, sound()), "") << trap.name;
    EXPECT_EQ(found(trap, HostFacts{}), "") << trap.name;
  }
}

TEST(Traps, SizesOnUnderNever) {
  constexpr auto kName = "sizes-on-under-never";
  EXPECT_EQ(found(kName, with({{"enabled", "never"}, {"hugepages-64kB/enabled", "always"}})),
            "enabled is never, but these sizes are on: 64kB always");
  EXPECT_EQ(found(kName, with({{"enabled", "never"}})), "");
  EXPECT_EQ(found(kName, with({{"hugepages-64kB/enabled", "always"}})), "");
}

// 2 MiB inherits wherever nobody touched it: that is what never means.
TEST(Traps, InheritUnderNever) {
  constexpr auto kName = "inherit-under-never";
  EXPECT_EQ(found(kName, with({{"enabled", "never"}, {"hugepages-64kB/enabled", "inherit"}})),
            "these sizes inherit from enabled, which is never: 64kB");
  EXPECT_EQ(found(kName, with({{"enabled", "never"}})), "");
  EXPECT_EQ(found(kName, with({{"hugepages-64kB/enabled", "inherit"}})), "");
}

TEST(Traps, DefragAlways) {
  EXPECT_EQ(found("defrag-always", with({{"defrag", "always"}})), "defrag is always");
  EXPECT_EQ(found("defrag-always", with({{"defrag", "always"}, {"enabled", "never"}})), "");
  EXPECT_EQ(found("defrag-always", with({{"defrag", "defer"}})), "");
}

TEST(Traps, NoHugeZeroFolio) {
  constexpr auto kName = "no-huge-zero-folio";
  EXPECT_NE(found(kName, with({{"enabled", "always"}, {"use_zero_page", "0"}})), "");
  EXPECT_EQ(found(kName, with({{"enabled", "always"}})), "");
  EXPECT_EQ(found(kName, with({{"use_zero_page", "0"}})), "");
}

// Only sizes that a fault would ask for.
TEST(Traps, OnlyBesideFull) {
  constexpr auto kName = "only-beside-full";
  EXPECT_EQ(found(kName, with({{"anon_beside_full", "1"}, {"hugepages-64kB/enabled", "madvise"}})),
            "anon_beside_full is 1, and these sizes are on: 64kB");
  EXPECT_EQ(found(kName, with({{"anon_beside_full", "1"}})), "");
  EXPECT_EQ(found(kName, with({{"anon_beside_full", "0"}, {"hugepages-64kB/enabled", "madvise"}})), "");
}

// Also where only the file of 2 MiB says so.
TEST(Traps, SparseMemoryGrows) {
  constexpr auto kName = "sparse-memory-grows";
  EXPECT_EQ(found(kName, with({{"enabled", "always"}})),
            "2 MiB is always, and khugepaged/max_ptes_none is 511");
  EXPECT_NE(found(kName, with({{"hugepages-2048kB/enabled", "always"}})), "");
  EXPECT_EQ(found(kName, with({{"enabled", "always"}, {"khugepaged/max_ptes_none", "64"}})), "");
  EXPECT_EQ(found(kName, with({{"enabled", "always"}, {"hugepages-2048kB/enabled", "madvise"}})), "");
}

// Off, or on and without effect: no folio has more than 511 zero pages and one
// that is used.
TEST(Traps, UnderusedNeverSplit) {
  constexpr auto kName = "underused-never-split";
  EXPECT_NE(found(kName, with({{"enabled", "always"}})).find("does nothing"), std::string::npos);
  EXPECT_NE(found(kName,
                  with({{"enabled", "always"}, {"khugepaged/max_ptes_none", "0"}, {"shrink_underused", "0"}}))
                .find("shrink_underused is 0"),
            std::string::npos);
  EXPECT_EQ(found(kName, with({{"enabled", "always"}, {"khugepaged/max_ptes_none", "409"}})), "");
  HostFacts older = with({{"enabled", "always"}});
  older.thp.erase("shrink_underused");  // before 6.12
  EXPECT_EQ(found(kName, older), "");
}

TEST(Traps, KhugepagedSleepsTooLittleOrTooLong) {
  const auto sleeping = [](const char* millisecs) {
    return with({{"khugepaged/scan_sleep_millisecs", millisecs}});
  };
  EXPECT_EQ(found("khugepaged-restless", sleeping("0")), "khugepaged/scan_sleep_millisecs is 0");
  EXPECT_EQ(found("khugepaged-restless", sleeping("100")), "");
  EXPECT_EQ(found("khugepaged-asleep", sleeping("4000000000")),
            "khugepaged/scan_sleep_millisecs is 4000000000: 1111 hours");
  EXPECT_EQ(found("khugepaged-asleep", sleeping("3600000")), "");
  HostFacts off = sleeping("4000000000");
  off.thp["enabled"] = "never";
  EXPECT_EQ(found("khugepaged-asleep", off), "");
}

TEST(Traps, ShmemEverywhere) {
  constexpr auto kName = "shmem-everywhere";
  EXPECT_EQ(found(kName, with({{"shmem_enabled", "force"}})), "shmem_enabled is force");
  EXPECT_EQ(found(kName, with({{"hugepages-64kB/shmem_enabled", "always"}})),
            "hugepages-64kB/shmem_enabled is always");
  EXPECT_EQ(found(kName, with({{"shmem_enabled", "within_size"}})), "");
}

TEST(Traps, ShmemDenied) {
  HostFacts facts = with({{"shmem_enabled", "deny"}});
  EXPECT_EQ(found("shmem-denied", facts), "");
  facts.huge_tmpfs = {"/mnt/cache"};
  EXPECT_EQ(found("shmem-denied", facts), "shmem_enabled is deny, and huge= is set for /mnt/cache");
  facts.thp["shmem_enabled"] = "never";
  EXPECT_EQ(found("shmem-denied", facts), "");
}

// Whoever switched it off first is named, also two generations away.
TEST(Traps, DisabledByPrctlNamesTheOrigin) {
  HostFacts facts = sound();
  facts.processes.push_back({30, 1, "bun", 9, false});
  EXPECT_EQ(found("thp-disabled-by-prctl", facts), "large folios are switched off in 1 process: 30 (bun)");
  facts.processes.push_back({31, 30, "sh", 1, false});
  facts.processes.push_back({32, 31, "cc1", 1, false});
  EXPECT_EQ(found("thp-disabled-by-prctl", facts),
            "large folios are switched off in 3 processes: 30 (bun), 31 (sh) from 30 (bun), 32 (cc1) from 30 "
            "(bun)");
  // A copy may hold a circle.
  facts.processes[3].parent = 32;
  EXPECT_NE(found("thp-disabled-by-prctl", facts), "");
}

// Many are counted, and five named.
TEST(Traps, LongListsAreCut) {
  HostFacts facts = sound();
  facts.processes.clear();
  for (pid_t pid = 10; pid < 40; ++pid) facts.processes.push_back({pid, 1, "w", 1, false});
  EXPECT_NE(found("thp-disabled-by-prctl", facts).find("14 (w) and 25 more"), std::string::npos);
}

TEST(Traps, ThreadStacks) {
  HostFacts facts = with({{"enabled", "always"}});
  EXPECT_EQ(found("thread-stacks", facts), "");
  for (const char* release : {"6.6.30-1-lts", "5.15.0", "4.18.0-553.el8"}) {
    facts.kernel_release = release;
    EXPECT_EQ(found("thread-stacks", facts),
              fmt::format("2 MiB is always on Linux {}; 20 (java) has 90 threads", release));
  }
  facts.kernel_release = "6.7.0-rc1";
  EXPECT_EQ(found("thread-stacks", facts), "");
  facts.kernel_release = "6.1.0";
  facts.thp["enabled"] = "madvise";
  EXPECT_EQ(found("thread-stacks", facts), "");
}

TEST(Traps, SwapFileSplits) {
  HostFacts facts = sound();
  facts.swaps.push_back({"/swapfile", "file"});
  EXPECT_EQ(found("swap-file-splits", facts), "swap is a file: /swapfile");
  facts.thp["enabled"] = "never";
  EXPECT_EQ(found("swap-file-splits", facts), "");
}

TEST(Traps, FreePageReporting) {
  HostFacts facts = sound();
  facts.reporting_balloons = {"virtio4"};
  EXPECT_EQ(found("free-page-reporting", facts), "free page reporting is on: virtio4");
}

// Only where there is swap to be had, and a limit to run into.
TEST(Traps, GroupsWithoutSwap) {
  HostFacts facts = with({{"enabled", "always"}});
  facts.groups = {{"/db", "1073741824", "0"}, {"/free", "max", "0"}, {"/some", "4096", "4096"}};
  EXPECT_EQ(found("groups-without-swap", facts), "memory.swap.max is 0 where memory.max is limited: /db");
  facts.groups.front().memory_max = "max";
  EXPECT_EQ(found("groups-without-swap", facts), "");
  facts.groups.front().memory_max = "4096";
  facts.swaps.clear();
  EXPECT_EQ(found("groups-without-swap", facts), "");
}

// The page lists exactly these traps, with their sources.
TEST(Traps, ThePageListsThemAll) {
  std::ifstream in(QUIRE_SOURCE_DIR "/docs/reference/doctor.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  std::set<std::string_view> names;
  for (const Trap& trap : traps()) {
    EXPECT_TRUE(names.insert(trap.name).second) << trap.name;
    const std::string row = fmt::format("| `{}` | {} | {} |", trap.name, trap.about, trap.source);
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = page.find("\n| `", at)) != std::string::npos; ++at) ++rows;
  EXPECT_EQ(rows, traps().size());
}

}  // namespace
}  // namespace quire::live::doctor
