#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/html/numbers.h"
#include "report/html/page.h"
#include "report/html/points.h"
#include "report/html/testing_runs.h"

namespace quire::report {
namespace {

using namespace quire::report::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Time and memory of a baseline stand in one row, and say where they are from.
TEST(PointBaselines, TimeAndMemory) {
  const Model model = model_of(advice_answer());
  const Section section = baselines(model);
  const Table* const table = table_with(section, "Time and memory");
  ASSERT_NE(table, nullptr);
  const auto& row = table->rows.back();
  EXPECT_EQ(row[0].text, "2M always");
  EXPECT_EQ(row[1].text, "1.5 ms");
  EXPECT_EQ(row[1].origin, "A /advice/baselines/0/kernel_ns");
  EXPECT_EQ(row[3].text, number_text(3e6, Unit::kBytes));
}

// What could not be run has no row of figures, and its reason is told.
TEST(PointBaselines, WhatIsMissingSaysWhy) {
  const Model model = model_of(advice_answer());
  const Section section = baselines(model);
  for (const auto& row : table_with(section, "Time and memory")->rows)
    EXPECT_NE(row[0].text, "MADV_DONTFORK");
  const Table* const today = table_with(section, "You could do this today");
  ASSERT_NE(today, nullptr);
  EXPECT_EQ(today->rows.back()[2].text, "no row: nothing to act on: the program forks no address space");
}

// An ablation names what carries each change and both differences.
TEST(PointAblation, BothDifferences) {
  const Model model = model_of(advice_answer());
  Section section{"magic", "6."};
  add_ablation(model, model.subjects.front(), section);
  const Table* const table = table_with(section, "losers first");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->rows[0][0].text, "without 64K");
  EXPECT_EQ(table->rows[0][2].text, "+1.0 ms");
  EXPECT_THAT(table->rows[0][4].text, HasSubstr("−"));
  EXPECT_EQ(table->rows[0][5].text, "a file of sysfs");
}

// Without advice the section says which command would answer.
TEST(PointBaselines, WithoutAdvice) {
  const std::string text = plain_page(model_of(replay_answer()));
  EXPECT_THAT(
      text, AllOf(HasSubstr("No baselines"), HasSubstr("quire advise"), Not(HasSubstr("not computed yet"))));
}

// A row without figures and without a reason is no answer of Quire.
TEST(PointBaselines, FiguresOrAReason) {
  Json answer = advice_answer();
  answer["advice"]["baselines"][1].erase("missing");
  const auto run = parse_run(answer.dump(), "x.json");
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().what, HasSubstr("/advice/baselines/1/minor_faults"));
}

}  // namespace
}  // namespace quire::report
