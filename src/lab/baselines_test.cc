#include "lab/baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/parse.h"

namespace quire::lab {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string shipped(const std::string& name) { return QUIRE_SOURCE_DIR "/traces/" + name + ".quire"; }

ReplayResult replayed(const std::string& file, const char* words) {
  auto reader = trace::Reader::open(file);
  EXPECT_TRUE(reader) << reader.error().line();
  auto result = replay(*reader, {.settings = *policy::parse_policy(words)});
  EXPECT_TRUE(result);
  return std::move(*result);
}

std::vector<Variant> baselines_of(const std::string& file, std::uint64_t forks, const char* now) {
  const ReplayResult beside = replayed(file, now);
  std::vector<Variant> variants = baselines_beside(*policy::parse_policy(now));
  replay_variants(variants, {.recording = file, .jobs = 2, .forks = forks, .beside = &beside});
  return variants;
}

const Variant& find(const std::vector<Variant>& variants, std::string_view name) {
  const auto at = std::ranges::find_if(variants, [&](const Variant& v) { return v.name.starts_with(name); });
  EXPECT_NE(at, variants.end()) << name;
  return *at;
}

// Every baseline has figures, or says why not; never both.
TEST(Baselines, FiguresOrAReason) {
  for (const Variant& v : baselines_of(shipped("shell-children"), 100, "2M")) {
    EXPECT_EQ(v.result.has_value(), v.missing.empty()) << v.name;
    EXPECT_FALSE(v.today.empty()) << v.name;
  }
}

// Where nothing is forked there is nothing to keep from children, and no row that repeats another.
TEST(Baselines, NoForkNoRow) {
  const auto baselines = baselines_of(shipped("sqlite"), 0, "2M");
  for (const char* const name : {"MADV_DONTFORK", "MADV_COLLAPSE by parent", "MADV_COLLAPSE by child"}) {
    EXPECT_FALSE(find(baselines, name).result) << name;
    EXPECT_THAT(find(baselines, name).missing, HasSubstr("forks no address space")) << name;
  }
}

// What children do not get is not copied; that these children need it is said.
TEST(Baselines, DontForkCopiesLessAndBreaksShells) {
  const ReplayResult now = replayed(shipped("shell-children"), "4K");
  const auto baselines = baselines_of(shipped("shell-children"), 100, "4K");
  const Variant& dont_fork = find(baselines, "MADV_DONTFORK");
  ASSERT_TRUE(dont_fork.result) << dont_fork.missing;
  EXPECT_LT(dont_fork.result->pages_copied, now.pages_copied);
  EXPECT_GT(dont_fork.result->refused, now.refused);
  EXPECT_THAT(dont_fork.caveat, HasSubstr("would not run so"));
}

// All memory is there when it is mapped: fewest faults, and its memory is shown.
TEST(Baselines, HugetlbBoundsFaultsAndShowsItsMemory) {
  const auto baselines = baselines_of(shipped("python-dict-large"), 0, "2M");
  const Variant& hugetlb = find(baselines, "hugetlb");
  const Variant& small = find(baselines, "4K");
  ASSERT_TRUE(hugetlb.result && small.result) << hugetlb.missing;
  EXPECT_LT(hugetlb.result->minor_faults, find(baselines, "all sizes").result->minor_faults);
  EXPECT_GT(hugetlb.result->peak_resident, small.result->peak_resident);
  EXPECT_GT(hugetlb.result->wasted_at_end, small.result->wasted_at_end);
}

// The oracle is the fastest of those that need no more memory than small pages in the end.
TEST(Baselines, NobodyBeatsTheOracleInWaste) {
  const auto baselines = baselines_of(shipped("python-dict-large"), 0, "2M");
  const Variant& oracle = find(baselines, "oracle");
  ASSERT_TRUE(oracle.result);
  for (const Variant& v : baselines) {
    if (!v.result) continue;
    EXPECT_GE(v.result->wasted_at_end, oracle.result->wasted_at_end) << v.name;
  }
  EXPECT_LT(oracle.result->bill.kernel_ns, find(baselines, "4K").result->bill.kernel_ns);
}

// khugepaged has collapsed something, or there is no row and the reason is its own.
TEST(Baselines, KhugepagedCollapsesOrSaysWhyNot) {
  for (const char* const name : {"python-dict-large", "sqlite", "gxx"}) {
    const auto baselines = baselines_of(shipped(name), 0, "4K");
    const Variant& tuned = find(baselines, "khugepaged");
    if (tuned.result) {
      EXPECT_GT(tuned.result->collapses, 0U) << name;
    } else {
      EXPECT_THAT(tuned.missing, AnyOf(HasSubstr("found no block"), HasSubstr("over before"))) << name;
    }
  }
}

// A machine too small for a variant is its answer, and no end of the others.
TEST(Baselines, WhatDoesNotFitSaysSo) {
  const std::string file = shipped("python-dict-large");
  const ReplayResult beside = replayed(file, "4K");
  std::vector<Variant> variants = baselines_beside(*policy::parse_policy("4K"));
  replay_variants(variants, {.recording = file, .ram = 32_MiB, .beside = &beside});
  for (const Variant& v : variants) EXPECT_THAT(v.missing, Not(IsEmpty())) << v.name;
}

// Each size that is on is taken away once; nothing is a copy of the policy itself.
TEST(Ablation, OneThingAtATime) {
  const policy::Settings settings = *policy::parse_policy("16K+64K");
  const std::vector<Variant> variants = ablation_of(settings, {});
  EXPECT_EQ(find(variants, "without 16K").settings, *policy::parse_policy("64K"));
  EXPECT_EQ(find(variants, "without 64K").settings, *policy::parse_policy("16K"));
  for (const Variant& v : variants) {
    EXPECT_THAT(v.name, Not(HasSubstr("without 32K")));
    EXPECT_TRUE(v.settings != settings || v.khugepaged == Khugepaged::kAwake) << v.name;
  }
}

// Of a program's own change each part is left out in turn.
TEST(Ablation, PartsOfAProgramsChange) {
  const OwnAdvice own{
      .say = OwnAdvice::Say::kHugepage, .heap = OwnAdvice::Heap::kYes, .mappings_from = 2_MiB};
  const std::vector<Variant> variants = ablation_of(*policy::parse_policy("linux-6.18"), own);
  EXPECT_EQ(find(variants, "without the program's change").own, OwnAdvice{});
  EXPECT_EQ(find(variants, "without the heap").own.heap, OwnAdvice::Heap::kNo);
  EXPECT_FALSE(find(variants, "without the mappings").own.mappings_from);
  EXPECT_EQ(find(variants, "mappings from 8M on").own.mappings_from, 8_MiB);
}

// What costs most stands first, and what could not be run last.
TEST(Ablation, LosersFirst) {
  ReplayResult recommended;
  recommended.bill.kernel_ns = 100;
  recommended.peak_resident = 100_MiB;
  const auto variant = [](std::string name, double ns, ByteCount peak) {
    Variant v{.name = std::move(name), .today = ""};
    v.result.emplace();
    v.result->bill.kernel_ns = ns;
    v.result->peak_resident = peak;
    return v;
  };
  std::vector<Variant> variants{{.name = "not run", .today = "", .missing = "why"},
                                variant("faster", 50, 99_MiB),
                                variant("more memory", 100, 300_MiB),
                                variant("slower", 200, 100_MiB)};
  sort_losers_first(variants, recommended);
  EXPECT_EQ(variants[0].name, "more memory");
  EXPECT_EQ(variants[1].name, "slower");
  EXPECT_EQ(variants[2].name, "faster");
  EXPECT_EQ(variants[3].name, "not run");
}

}  // namespace
}  // namespace quire::lab
