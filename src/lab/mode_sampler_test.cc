#include "lab/mode_sampler.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "live/launch.h"

namespace quire::lab {
namespace {

// The share of a command that runs to its end, as the sampler sees it; nothing
// where the host does not let it look.
std::optional<KernelShare> share_of(std::vector<std::string> command) {
  live::LaunchSpec spec;
  spec.command = std::move(command);
  auto launch = live::Launch::start(spec);
  if (!launch) return std::nullopt;
  const pid_t pid = launch->pid();
  auto sampler = ModeSampler::watch(pid);
  if (!sampler) return std::nullopt;
  EXPECT_FALSE(sampler->kernel_share()) << "nothing has run yet";
  EXPECT_FALSE(launch->go());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  return sampler->kernel_share();
}

const std::vector<std::string> kCounts{"awk", "BEGIN { for (i = 0; i < 2000000; ++i) n += i }"};
const std::vector<std::string> kZeroes{"dd",    "if=/dev/zero", "of=/dev/null",
                                       "bs=1M", "count=2000",   "status=none"};

// A program that counts is seen in itself, one that has zeroes made in the kernel.
TEST(ModeSampler, TellsTheKernelsPart) {
  const auto counting = share_of(kCounts);
  if (!counting) GTEST_SKIP() << "this host does not let programs be looked at";
  EXPECT_LT(counting->kernel, 0.5);
  const auto zeroing = share_of(kZeroes);
  ASSERT_TRUE(zeroing);
  EXPECT_GT(zeroing->kernel, 0.5);
}

// Of a program that touches new memory the kernel's part is faults; of one that
// reads zeroes into the same memory it is not.
TEST(ModeSampler, TellsFaultsFromCalls) {
  const auto calling = share_of(kZeroes);
  if (!calling || !calling->faults) GTEST_SKIP() << "this host does not show the kernel's functions";
  EXPECT_LT(*calling->faults, calling->kernel / 4);
  const auto touching = share_of({"dd", "if=/dev/zero", "of=/dev/null", "bs=600M", "count=1", "status=none"});
  ASSERT_TRUE(touching && touching->faults);
  EXPECT_GT(*touching->faults, touching->kernel / 4);
  EXPECT_LE(*touching->faults, touching->kernel);
}

// What a program starts counts as the program.
TEST(ModeSampler, FollowsChildren) {
  std::vector<std::string> command{"sh", "-c", "\"$@\"; exit 0", "sh"};
  command.insert(command.end(), kZeroes.begin(), kZeroes.end());
  const auto share = share_of(command);
  if (!share) GTEST_SKIP() << "this host does not let programs be looked at";
  EXPECT_GT(share->kernel, 0.5);
}

}  // namespace
}  // namespace quire::lab
