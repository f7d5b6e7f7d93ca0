#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "report/html/page.h"
#include "report/html/plain_text.h"
#include "report/html/points.h"
#include "report/html/sections.h"
#include "report/html/testing_runs.h"

namespace quire::report {
namespace {

using namespace quire::report::testing;
using ::testing::HasSubstr;
using ::testing::Not;

Json result(const std::string& policy, const std::string& machine, double kernel_ns) {
  Json json = figures(policy, "thp_anon=" + policy + ":always", kernel_ns, 1e6);
  json["recording"] = "00112233445566aa";
  json["command"] = "/usr/bin/prog";
  json["machine"] = machine;
  json["profile"] = "reference";
  json["ram_bytes"] = 1e9;
  json["large_folios"] = 3;
  json["large_fallbacks"] = 1;
  return json;
}

Json sweep_answer() {
  Json json = answer();
  json["inputs"] = {{"path", "s.sqlite"}};
  Json pressed = result("64K", "ram=1G swap=block:4G", 3e6);
  pressed["swapped_out_pages"] = 700;
  pressed["direct_reclaims"] = 5;
  pressed["oom_kills"] = 1;
  json["sweep"] = {{"results", {result("64K", "ram=64G", 1e6), pressed}},
                   {"skipped",
                    {{{"recording", "00112233445566aa"},
                      {"command", "/usr/bin/prog"},
                      {"policy", "64K"},
                      {"machine", "ram=16M"},
                      {"profile", "reference"},
                      {"reason", "no frame left"}}}}};
  return json;
}

// Time, memory and the share that fell back, on each machine.
TEST(PointSweep, EveryMachine) {
  const Model model = model_of(sweep_answer());
  const Section section = no_certainty(model);
  const Table* const table = table_with(section, "every policy on every machine");
  ASSERT_NE(table, nullptr);
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_EQ(table->rows[0][0].text, "ram=64G (reference)");
  EXPECT_EQ(table->rows[1][2].text, "3.0 ms");
  EXPECT_EQ(table->rows[1][6].text, "25.0 %");
}

// Where a mail is too narrow for all columns, each part says machine and policy.
TEST(PointSweep, EveryPartOfAMailNamesThePolicy) {
  const Model model = model_of(sweep_answer());
  const std::string text = text_of(no_certainty(model));
  std::istringstream lines(text);
  std::size_t parts = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("machine ")) continue;
    ++parts;
    EXPECT_THAT(line, ::testing::HasSubstr(" policy ")) << text;
  }
  EXPECT_GE(parts, 3U);
}

// Only what was under pressure has rows there; a program that was killed stands out.
TEST(PointSweep, Pressure) {
  const Model model = model_of(sweep_answer());
  const Section section = no_certainty(model);
  const Table* const table = table_with(section, "under pressure");
  ASSERT_NE(table, nullptr);
  ASSERT_EQ(table->rows.size(), 1U);
  EXPECT_EQ(table->rows[0][2].text, "700");
  EXPECT_EQ(table->rows[0].back().text, "KILLED 1");
}

// What could not be run is shown with its reason.
TEST(PointSweep, Skipped) {
  const Model model = model_of(sweep_answer());
  const Section section = no_certainty(model);
  const Table* const table = table_with(section, "could not be run");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->rows[0][3].text, "no frame left");
}

// The page has the chart of it, with a gap where there is no result.
TEST(PointSweep, Chart) {
  Json pictures = Json::object();
  const Model model = model_of(sweep_answer());
  put_sweep_pictures(model, pictures);
  const Json& chart = pictures[sweep_picture(0, 0)];
  EXPECT_EQ(chart["machines"].size(), 2U);
  EXPECT_EQ(chart["panels"][0]["series"], Json::parse("[[1e6, 3e6]]"));
  EXPECT_THAT(html_page(model), HasSubstr("data-picture=\"sweep-0-0\""));
}

// What no sweep went through is said, with a machine to write.
TEST(PointSweep, SaysWhatIsMissing) {
  const std::string text = plain_page(model_of(sweep_answer()));
  EXPECT_THAT(text, HasSubstr("fragmentation=0.95"));
  EXPECT_THAT(text, Not(HasSubstr("has memory enough")));
}

}  // namespace
}  // namespace quire::report
