#include <gtest/gtest.h>

#include "live/doctor/facts.h"
#include "live/doctor/traps.h"
#include "live/fake_tree.h"

namespace quire::live::doctor {
namespace {

// A copy of a host's /proc and /sys.
class FakeHost {
 public:
  [[nodiscard]] const std::filesystem::path& root() const { return folder_.path(); }
  void put(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root() / file).parent_path());
    std::ofstream(root() / file) << text;
  }

 private:
  testing::TempFolder folder_;
};

constexpr const char* kThp = "sys/kernel/mm/transparent_hugepage/";

// Each kind of file in the form the kernel gives it.
TEST(Gather, ReadsWhatTheKernelWrites) {
  const FakeHost host;
  host.put(std::string(kThp) + "enabled", "[always] madvise never\n");
  host.put(std::string(kThp) + "hugepages-2048kB/enabled", "always [inherit] madvise never\n");
  host.put(std::string(kThp) + "hugepages-64kB/enabled", "always inherit madvise [never]\n");
  host.put(std::string(kThp) + "khugepaged/max_ptes_none", "511\n");
  host.put("proc/sys/kernel/osrelease", "6.18.44\n");
  host.put("proc/swaps",
           "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
           "/dev/vda2                               partition\t1048572\t\t0\t\t-2\n"
           "/swap\\040file                           file\t\t1048572\t\t0\t\t-3\n");
  host.put("proc/7/status",
           "Name:\tpy thon\nUmask:\t0022\nState:\tS "
           "(sleeping)\nPid:\t7\nPPid:\t1\nThreads:\t4\nTHP_enabled:\t0\n");
  host.put("proc/1/status", "Name:\tinit\nPPid:\t0\nThreads:\t1\nTHP_enabled:\t1\n");
  host.put("proc/2/status", "Name:\tkthreadd\nPPid:\t0\nThreads:\t1\n");
  host.put("proc/mounts",
           "tmpfs /run tmpfs rw,size=1k 0 0\ntmpfs /a tmpfs rw,huge=never 0 0\ntmpfs /b tmpfs "
           "rw,huge=always,size=1k 0 0\n");
  host.put("sys/bus/virtio/drivers/virtio_balloon/virtio0/features", "0110010100000000\n");
  host.put("sys/bus/virtio/drivers/virtio_balloon/virtio1/features", "0110000100000000\n");
  host.put("sys/fs/cgroup/a/b/memory.swap.max", "0\n");
  host.put("sys/fs/cgroup/a/b/memory.max", "4096\n");
  host.put("sys/fs/cgroup/a/memory.swap.max", "max\n");

  const HostFacts facts = gather(host.root());
  EXPECT_EQ(facts.word("enabled"), "always");
  EXPECT_EQ(facts.number("khugepaged/max_ptes_none"), 511U);
  EXPECT_EQ(facts.number("enabled"), std::nullopt);
  ASSERT_EQ(facts.sizes().size(), 2U);
  EXPECT_EQ(facts.sizes()[0].name, "64kB");
  EXPECT_EQ(facts.rule_of_2m(), "always");
  EXPECT_EQ(facts.kernel_release, "6.18.44");
  ASSERT_EQ(facts.swaps.size(), 2U);
  EXPECT_EQ(facts.swaps[1].path, "/swap\\040file");
  EXPECT_EQ(facts.swaps[1].type, "file");
  ASSERT_EQ(facts.processes.size(), 3U);
  EXPECT_EQ(facts.processes[2].name, "py thon");
  EXPECT_EQ(facts.processes[2].parent, 1);
  EXPECT_EQ(facts.processes[2].threads, 4U);
  EXPECT_EQ(facts.processes[2].thp_enabled, false);
  EXPECT_EQ(facts.processes[1].thp_enabled, std::nullopt);
  EXPECT_EQ(facts.huge_tmpfs, std::vector<std::string>{"/b"});
  EXPECT_EQ(facts.reporting_balloons, std::vector<std::string>{"virtio0"});
  ASSERT_EQ(facts.groups.size(), 1U);
  EXPECT_EQ(facts.groups[0].path, "/a/b");
  EXPECT_EQ(facts.groups[0].memory_max, "4096");
  EXPECT_TRUE(facts.notes.empty());
}

// A kernel without per-size files has one size, by the global file.
TEST(Gather, OldKernelsHaveOneSize) {
  const FakeHost host;
  host.put(std::string(kThp) + "enabled", "always [madvise] never\n");
  EXPECT_EQ(gather(host.root()).rule_of_2m(), "madvise");
}

// An empty root is not a sound host: it is said that nothing was seen.
TEST(Gather, SaysWhatItCouldNotSee) {
  const FakeHost host;
  const HostFacts facts = gather(host.root());
  ASSERT_EQ(facts.notes.size(), 2U);
  EXPECT_NE(facts.notes[0].find("transparent_hugepage"), std::string::npos);
}

// Settings that Quire itself changed are not the host's own.
TEST(Gather, SaysThatQuireHasSettingsChanged) {
  const FakeHost host;
  host.put(std::string(kThp) + "enabled", "always [madvise] never\n");
  host.put("proc/1/status", "Name:\tinit\n");
  host.put("run/quire/applied.journal", "{}");
  ASSERT_EQ(gather(host.root()).notes.size(), 1U);
  EXPECT_NE(gather(host.root()).notes[0].find("quire restore"), std::string::npos);
}

// This host: this very process is seen.
TEST(Gather, ReadsThisHost) {
  const HostFacts facts = gather();
  const auto self = std::ranges::find(facts.processes, ::getpid(), &ProcessFacts::pid);
  ASSERT_NE(self, facts.processes.end());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(facts.kernel_release, describe_host().kernel_release);
}

}  // namespace
}  // namespace quire::live::doctor
