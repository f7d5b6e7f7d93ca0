#include "lab/advise.h"

#include <gtest/gtest.h>

#include <set>

#include "policy/parse.h"

namespace quire::lab {
namespace {

Candidate candidate(const std::string& policy, double kernel_ns, ByteCount memory) {
  Candidate c{policy, *policy::parse_policy(policy), {}};
  c.result.bill.kernel_ns = kernel_ns;
  c.result.peak_resident = memory;
  return c;
}

// Less than a hundredth of the program's time is no reason to change a host.
TEST(Choose, LittleGainIsLeftAlone) {
  const std::vector<Candidate> few{candidate("4K", 900, 10_MiB), candidate("4K", 900, 10_MiB),
                                   candidate("64K", 100, 10_MiB)};
  EXPECT_EQ(choose(few, 99'100), 0U);
  EXPECT_EQ(choose(few, 10'000), 2U);
}

// What needs more than a twentieth more memory than small pages is out, however
// fast; so is the host's own setting, even where that costs time.
TEST(Choose, MemoryIsBounded) {
  const std::vector<Candidate> wide{candidate("2M", 500, 200_MiB), candidate("4K", 900, 100_MiB),
                                    candidate("64K", 600, 104_MiB), candidate("2M", 100, 120_MiB)};
  EXPECT_EQ(choose(wide, 1000), 2U);
}

// Of policies that are as good as each other the one with fewer sizes, but not
// when that would be no gain any more.
TEST(Choose, TheSimplerOfEquals) {
  const std::vector<Candidate> alike{candidate("4K", 900, 10_MiB), candidate("4K", 900, 10_MiB),
                                     candidate("16K+64K", 500, 10_MiB), candidate("64K", 505, 10_MiB)};
  EXPECT_EQ(choose(alike, 1000), 3U);
  const std::vector<Candidate> barely{candidate("4K", 900, 10_MiB), candidate("4K", 900, 10_MiB),
                                      candidate("64K", 885, 10_MiB)};
  EXPECT_EQ(choose(barely, 0), 2U);
}

// Of changes that are as good as each other the one that concerns fewest programs; but not for a
// gain that is not one.
TEST(Choose, TheNarrowerOfEquals) {
  std::vector<Candidate> scopes{candidate("4K", 900, 10_MiB), candidate("4K", 900, 10_MiB),
                                candidate("64K", 500, 10_MiB), candidate("4K", 505, 10_MiB)};
  scopes[3].change.scope = Scope::kRuntime;
  EXPECT_EQ(choose(scopes, 1000), 3U);
  scopes[3].result.bill.kernel_ns = 600;
  EXPECT_EQ(choose(scopes, 1000), 2U);
}

AdviseOptions options(Scope narrowest, std::optional<policy::KernelVersion> kernel) {
  return {.recording = QUIRE_SOURCE_DIR "/traces/perl-words.quire",
          .profile = std::shared_ptr<const cost::Profile>(&cost::reference_profile(), [](const auto*) {}),
          .kernel = kernel,
          .narrowest = narrowest};
}

// A program of glibc on a host as it comes is told of glibc's option before the host's settings;
// who wants the host's settings only is given them.
TEST(Advise, NarrowestThatIsAsGood) {
  const auto any = advise(options(Scope::kMapping, std::nullopt));
  ASSERT_TRUE(any) << any.error().line();
  EXPECT_LT(any->recommended().change.scope, Scope::kAdvised);
  EXPECT_FALSE(any->recommended().change.lines.empty());
  const auto host = advise(options(Scope::kHost, std::nullopt));
  ASSERT_TRUE(host);
  for (const Candidate& c : host->candidates) EXPECT_EQ(c.change.scope, Scope::kHost);
  EXPECT_FALSE(host->leave());
}

// Nothing is recommended that the kernel does not have.
TEST(Advise, OlderKernels) {
  const auto old = advise(options(Scope::kHost, policy::KernelVersion{6, 6}));
  ASSERT_TRUE(old) << old.error().line();
  for (const Candidate& c : old->candidates)
    for (unsigned o = 2; o < kOrderPmd.raw(); ++o)
      EXPECT_EQ(c.settings.at(Order(o)), policy::SizeEnabled::never) << c.policy;
}

// The settings of a host for other programs stay as they are.
TEST(Advise, WhatOthersMayAskForStays) {
  const auto advice = advise(options(Scope::kHost, std::nullopt));
  ASSERT_TRUE(advice);
  for (std::size_t i = 2; i < advice->candidates.size(); ++i)
    EXPECT_NE(advice->candidates[i].settings.at(kOrderPmd), policy::SizeEnabled::never)
        << advice->candidates[i].policy;
}

// Every set that is tried is a policy of its own.
TEST(WorthTrying, EachOnce) {
  std::set<std::string> seen;
  for (const std::string& words : policies_worth_trying()) {
    const auto settings = policy::parse_policy(words);
    ASSERT_TRUE(settings) << words;
    EXPECT_TRUE(seen.insert(policy::canonical(*settings)).second) << words;
  }
  EXPECT_TRUE(seen.contains("thp_anon=64K:always"));
  EXPECT_EQ(policies_worth_trying().front(), "4K");
}

// The settings of a host are read from the files' own text.
TEST(SettingsShown, ChosenWordsCount) {
  const policy::Settings settings =
      settings_shown_by({{"enabled", "[always] madvise never"},
                         {"hugepages-64kB/enabled", "always inherit [madvise] never"},
                         {"khugepaged/max_ptes_none", "64"},
                         {"shmem_enabled", "always within_size advise [never] deny force"}});
  EXPECT_EQ(settings.enabled, policy::GlobalEnabled::always);
  EXPECT_EQ(settings.at(Order(4)), policy::SizeEnabled::madvise);
  EXPECT_EQ(settings.khugepaged.max_ptes_none, 64U);
  EXPECT_EQ(settings.at(kOrderPmd), policy::Settings{}.at(kOrderPmd));
}

}  // namespace
}  // namespace quire::lab
