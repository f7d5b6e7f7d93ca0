#include "report/html/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/html/testing_runs.h"

namespace quire::report {
namespace {

using namespace quire::report::testing;
using ::testing::SizeIs;

Model model_of(std::vector<Json> answers) {
  std::vector<Run> runs;
  for (const Json& answer : answers) runs.push_back(run_of(answer));
  return make_model(std::move(runs));
}

std::vector<std::string> titles(const std::vector<const PolicyView*>& views) {
  std::vector<std::string> names;
  for (const PolicyView* const view : views) names.push_back(view->title());
  return names;
}

// Answers about one recording are one program, and one policy of all of them is one column.
TEST(Model, PutsTogether) {
  const Model model = model_of({advice_answer(), replay_answer(), verify_answer()});
  ASSERT_THAT(model.subjects, SizeIs(1));
  const Subject& subject = model.subjects[0];
  EXPECT_EQ(subject.name, "prog");
  EXPECT_THAT(subject.policies, SizeIs(3));
  const PolicyView* const view = subject.find("thp_anon=64K:always");
  ASSERT_NE(view, nullptr);
  EXPECT_TRUE(view->candidate && view->replayed && view->verified && view->timed);
}

// Another recording is another program, even of the same name.
TEST(Model, TellsProgramsApart) {
  Json other = replay_answer();
  other["inputs"]["content_hash"] = "ffffffffffffffff";
  EXPECT_THAT(model_of({replay_answer(), other}).subjects, SizeIs(2));
}

// A number says where it stands, and the RUN of a replay is preferred to the advice's.
TEST(Model, NumbersHaveOrigins) {
  const Model model = model_of({advice_answer(), replay_answer(), verify_answer()});
  const PolicyView& view = *model.subjects[0].find("thp_anon=64K:always");
  EXPECT_EQ(view.predicted("/kernel_ns")->origin, "B /policies/1/kernel_ns");
  EXPECT_EQ(view.measured("/minor_faults")->origin, "C /policies/0/measured/minor_faults");
  EXPECT_EQ(view.measured("/minor_faults")->value, 1002);
  EXPECT_FALSE(view.predicted("/nothing"));
}

// The host as it was, small pages and the recommendation are found by what they are.
TEST(Model, KnowsTheRoles) {
  const Model model = model_of({advice_answer()});
  const Subject& subject = model.subjects[0];
  EXPECT_EQ(subject.now()->title(), "now: linux-6.18");
  EXPECT_EQ(subject.small()->title(), "4K");
  EXPECT_EQ(subject.recommended()->title(), "64K");
  EXPECT_EQ(titles(subject.shown(6)), (std::vector<std::string>{"now: linux-6.18", "64K", "4K"}));
  EXPECT_EQ(titles(subject.pareto()), (std::vector<std::string>{"64K", "4K"}));
}

// To leave it alone is to recommend what there is.
TEST(Model, Leave) {
  Json json = advice_answer();
  json["advice"]["verdict"] = "leave";
  json["advice"]["policy"] = nullptr;
  const Model model = model_of({json});
  EXPECT_EQ(model.subjects[0].recommended(), model.subjects[0].now());
}

// A change within the program is no policy of the host, though the settings are the same.
TEST(Model, ChangesOfTheProgram) {
  Json json = advice_answer();
  Json change = figures("now", "linux-6.18", 1.5e6, 1e6);
  change["scope"] = "mapping";
  change["change"] = "MADV_HUGEPAGE heap";
  json["advice"]["candidates"].push_back(change);
  json["advice"]["recommended"] = 3;
  const Model model = model_of({json});
  EXPECT_THAT(model.subjects[0].policies, SizeIs(4));
  EXPECT_EQ(model.subjects[0].recommended()->title(), "MADV_HUGEPAGE heap");
  EXPECT_FALSE(model.subjects[0].recommended()->is_now);
}

// Advice has short names for long settings; two policies of one name go by what they say.
TEST(Model, NamesTellApart) {
  Json json = advice_answer();
  Json other = figures("thp_anon=64K:always;2M:inherit", "thp_anon=64K:always;2M:inherit", 1e6, 1e6);
  other["scope"] = "host";
  other["change"] = "64K-2M";
  json["advice"]["candidates"].push_back(other);
  EXPECT_EQ(model_of({json}).subjects[0].policies.back().title(), "64K-2M");
  json["advice"]["candidates"].back()["change"] = "64K";
  EXPECT_EQ(model_of({json}).subjects[0].policies.back().title(), "thp_anon=64K:always;2M:inherit");
}

// Policies that were replayed stand in the order they were asked for, long names in their short form.
TEST(Model, Shown) {
  Json replay = replay_answer();
  replay["policies"].push_back(figures("16K+32K+64K+128K+256K", "thp_anon=16K-256K:always", 1e6, 2e6));
  const Model model = model_of({advice_answer(), replay});
  EXPECT_EQ(titles(model.subjects[0].shown(6)), (std::vector<std::string>{"4K", "64K", "16K-256K"}));
  EXPECT_THAT(model.subjects[0].shown(2), SizeIs(2));
}

}  // namespace
}  // namespace quire::report
