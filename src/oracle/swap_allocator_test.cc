// The kernel's thp_swap_allocator_test on the engine and on this kernel.
#include "litmus/swap_allocator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/testing_sanitized.h"
#include "litmus/engine_side.h"
#include "oracle/confirm.h"
#include "oracle/kernel_side.h"
#include "oracle/testing_setting.h"

namespace quire::litmus {
namespace {

using Options = SwapAllocatorOptions;

unsigned rounds() { return static_cast<unsigned>(testing::setting("QUIRE_SWAP_ROUNDS", 1)); }

std::vector<SwapFallback> on_engine(const Options& options) {
  const Experiment experiment = swap_allocator_experiment(options);
  const auto side = engine_side(experiment);
  EXPECT_TRUE(side) << side.error().line();
  if (!side) return {};
  const auto recording = record(experiment, **side, Look::kCounters);
  EXPECT_TRUE(recording) << recording.error().line();
  return recording ? swap_fallbacks(experiment, *recording) : std::vector<SwapFallback>{};
}

std::int64_t all_split(const std::vector<SwapFallback>& rounds) {
  std::int64_t n = 0;
  for (const SwapFallback& round : rounds) n += round.split;
  return n;
}

// Of the folios of a round, how many were split, in percent: what the tool prints.
double percent_split(const SwapFallback& round) {
  const std::int64_t all = round.whole + round.split;
  return all == 0 ? 0 : 100.0 * static_cast<double>(round.split) / static_cast<double>(all);
}

const char* name_of(const Options& options) {
  if (options.small == Options::Small::kYes) return "-s";
  return options.swap_in == Options::SwapIn::kFolios ? "-a" : "plain";
}

// One line for each round, on both sides, and the same as a property of the test.
void tell(const Options& options, std::size_t round, const SwapFallback& engine, const SwapFallback& kernel) {
  const std::string text =
      fmt::format("{} round {}: quire {} whole {} split {:.1f} %, kernel {} whole {} split {:.1f} %",
                  name_of(options), round, engine.whole, engine.split, percent_split(engine), kernel.whole,
                  kernel.split, percent_split(kernel));
  fmt::print("{}\n", text);
  ::testing::Test::RecordProperty(fmt::format("{}_round{}", name_of(options), round), text);
}

const Options kRuns[] = {{}, {.small = Options::Small::kYes}, {.swap_in = Options::SwapIn::kFolios}};

// Quire's figures by themselves, a line for each round: a second run says the same.
TEST(SwapAllocator, SaysTheSameEachTime) {
  const Options options{.rounds = 3, .small = Options::Small::kYes};
  const auto seen = on_engine(options);
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen, on_engine(options));
  for (std::size_t i = 0; i < seen.size(); ++i)
    fmt::print("-s round {}: quire {} whole {} split {:.1f} %\n", i, seen[i].whole, seen[i].split,
               percent_split(seen[i]));
}

// Behind an indirection any slots will do: no folio is ever split.
TEST(SwapAllocator, IndirectionNeverFallsBack) {
  for (Options options : kRuns) {
    options.rounds = rounds();
    options.policy = "swap-slots-any";
    const auto seen = on_engine(options);
    ASSERT_EQ(seen.size(), options.rounds + 1);
    EXPECT_EQ(all_split(seen), 0);
    EXPECT_EQ(seen.front(), (SwapFallback{.whole = 960, .split = 0}));
  }
}

Result<std::vector<SwapFallback>, Diagnostic> on_kernel(KernelHost& host, const Options& options) {
  const Experiment experiment = swap_allocator_experiment(options);
  const auto side = QUIRE_TRY(host.side(experiment));
  return swap_fallbacks(experiment, QUIRE_TRY(record(experiment, *side, Look::kCounters)));
}

// As many folios find no run of slots as on this kernel, in each round. Now and then somebody else in
// the kernel has a cluster in hand when a folio wants it, one run in some twenty: counters that differ
// must do so in each of several runs, as everywhere (oracle/confirm.h).
TEST(SwapAllocator, FallsBackAsOftenAsThisKernel) {
  if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
  auto host = KernelHost::open();
  if (!host) GTEST_SKIP() << host.error().line();
  for (Options options : kRuns) {
    options.rounds = rounds();
    const auto engine = on_engine(options);
    std::vector<SwapFallback> kernel;
    for (int run = 0; run < Patience{}.runs && kernel != engine; ++run) {
      auto seen = on_kernel(*host, options);
      if (!seen && seen.error().kind == Diagnostic::Kind::kPrivilege) GTEST_SKIP() << seen.error().line();
      ASSERT_TRUE(seen) << seen.error().line();
      kernel = std::move(*seen);
    }
    ASSERT_EQ(engine.size(), kernel.size());
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      EXPECT_EQ(engine[i].whole, kernel[i].whole) << "round " << i;
      EXPECT_EQ(engine[i].split, kernel[i].split) << "round " << i;
      tell(options, i, engine[i], kernel[i]);
    }
  }
}

}  // namespace
}  // namespace quire::litmus
