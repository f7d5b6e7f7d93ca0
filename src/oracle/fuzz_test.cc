#include "oracle/fuzz.h"

#include <gtest/gtest.h>

#include "base/testing_sanitized.h"
#include "oracle/testing_setting.h"
#include "trace/test_recording.h"

namespace quire::litmus {
namespace {

std::string text_of(const FuzzResult& result) {
  std::string text;
  for (const Disagreement& d : result.disagreements) text += d.file + ": " + d.finding.what + "\n";
  return text;
}

// No random experiment breaks an invariant of the engine.
TEST(Fuzz, EngineKeepsItsInvariants) {
  const trace::testing::TempDir folder;
  const auto result = fuzz({.seed = testing::setting("QUIRE_FUZZ_SEED", 1),
                            .runs = 40,
                            .against = Against::kNobody,
                            .folder = folder.file(".")},
                           {});
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_EQ(result->runs, 40U);
  EXPECT_EQ(result->steps, 40U * 60U);
  EXPECT_EQ(text_of(*result), "");
}

// What both sides said about so many random experiments; a reason to skip, where there is one.
void expect_agreement(const FuzzOptions& options) {
  if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
  const auto result = fuzz(options, {});
  if (!result && result.error().kind == Diagnostic::Kind::kPrivilege) GTEST_SKIP() << result.error().line();
  if (!result && result.error().where.ends_with("settings.lock")) GTEST_SKIP() << result.error().line();
  ASSERT_TRUE(result) << result.error().line();
  EXPECT_EQ(result->runs, options.runs);
  EXPECT_EQ(text_of(*result), "");
}

// The running kernel does what the engine does. QUIRE_FUZZ_SEED and
// QUIRE_FUZZ_RUNS ask for others; `quire litmus fuzz` for many.
TEST(Fuzz, KernelAgrees) {
  const trace::testing::TempDir folder;
  expect_agreement({.seed = testing::setting("QUIRE_FUZZ_SEED", 1),
                    .runs = testing::setting("QUIRE_FUZZ_RUNS", 40),
                    .folder = folder.file(".")});
}

// The same with swap, on a zram of its own each. QUIRE_FUZZ_SWAP_RUNS asks for more;
// `quire litmus fuzz --swap` and scripts/litmus.sh for many.
TEST(Fuzz, KernelAgreesWithSwap) {
  const trace::testing::TempDir folder;
  expect_agreement({.seed = testing::setting("QUIRE_FUZZ_SEED", 1),
                    .runs = testing::setting("QUIRE_FUZZ_SWAP_RUNS", 15),
                    .swap = RandomOptions::Swap::kZram,
                    .folder = folder.file(".")});
}

}  // namespace
}  // namespace quire::litmus
