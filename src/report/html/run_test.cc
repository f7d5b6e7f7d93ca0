#include "report/html/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/html/testing_runs.h"

namespace quire::report {
namespace {

using namespace quire::report::testing;
using ::testing::HasSubstr;

std::string complaint(const std::string& text) {
  const auto run = parse_run(text, "x.json");
  if (run) return "";
  EXPECT_EQ(run.error().kind, Diagnostic::Kind::kDamagedInput);
  EXPECT_EQ(run.error().where, "x.json");
  return run.error().what;
}

// Every kind of answer is told by what it holds.
TEST(ParseRun, KnowsTheKinds) {
  EXPECT_EQ(run_of(replay_answer()).kind, RunKind::kReplay);
  EXPECT_EQ(run_of(advice_answer()).kind, RunKind::kAdvise);
  EXPECT_EQ(run_of(verify_answer()).kind, RunKind::kVerify);
  Json sweep = answer();
  sweep["inputs"] = {{"path", "results.sqlite"}};
  sweep["sweep"] = {{"results", Json::array()}};
  EXPECT_EQ(run_of(sweep).kind, RunKind::kSweep);
  EXPECT_EQ(run_of(replay_answer()).hash.size(), 16U);
}

// How it was asked for, as far as the answer tells; no word of it can become two.
TEST(ParseRun, SaysItsCommand) {
  EXPECT_EQ(run_of(replay_answer()).command, "quire replay --json --policy 4K --policy 64K mine.quire");
  EXPECT_EQ(run_of(verify_answer()).command, "quire verify --json --policy 64K --time 11 mine.quire");
  Json json = verify_answer();
  json["inputs"] = {{"command", {"sh", "-c", "a; b"}}};
  EXPECT_EQ(run_of(json).command, "quire verify --json --policy 64K --time 11 -- sh -c 'a; b'");
}

// What is no answer is refused in one line.
TEST(ParseRun, NoAnswer) {
  EXPECT_THAT(complaint(""), HasSubstr("no JSON"));
  EXPECT_THAT(complaint("{\"a\": 1"), HasSubstr("no JSON"));
  EXPECT_THAT(complaint("{\"a\": 1e999}"), HasSubstr("out of range"));
  EXPECT_THAT(complaint("[]"), HasSubstr("schema_version"));
  EXPECT_THAT(complaint("{\"schema_version\": 1}"), HasSubstr("none of replay"));
  EXPECT_THAT(complaint("{\"schema_version\": 2, \"policies\": []}"), HasSubstr("version 2"));
  EXPECT_THAT(complaint(std::string(100'000, '[')), HasSubstr("J"));
  EXPECT_THAT(complaint(std::string(50, '[') + std::string(50, ']')), HasSubstr("deeper"));
}

struct Wrong {
  const char* place;  // what is replaced
  Json by;
  const char* said;
};

class WrongReplay : public ::testing::TestWithParam<Wrong> {};

// A member that is not what it should be is named.
TEST_P(WrongReplay, IsNamed) {
  Json json = replay_answer();
  json[Json::json_pointer(GetParam().place)] = GetParam().by;
  EXPECT_THAT(complaint(json.dump()), HasSubstr(GetParam().said));
}

const Json kList = Json::array({1, 2, 3});
INSTANTIATE_TEST_SUITE_P(
    Members, WrongReplay,
    ::testing::Values(
        Wrong{"/tool_version", 1, "/tool_version: expected a text"},
        Wrong{"/inputs", "x", "/inputs: expected an object"},
        Wrong{"/inputs/path", kList, "/inputs/path: expected a list of texts"},
        Wrong{"/inputs/header/argv/0", 5, "argv: expected a list of texts"},
        Wrong{"/policies/1/canonical", nullptr, "/policies/1/canonical: expected a text"},
        Wrong{"/policies/0/kernel_ns", "fast", "/policies/0/kernel_ns: expected a number"},
        Wrong{"/policies/0/folios/64kB", "many", "/policies/0/folios/64kB: expected a number"},
        Wrong{"/policies/1/fault_times/0", 7, "/policies/1/fault_times/0: expected an object"},
        Wrong{"/policies/1/counters", kList, "/policies/1/counters: expected an object"},
        Wrong{"/policies/1/timeline/samples/file_bytes", kList, "file_bytes: expected a shorter list"},
        Wrong{"/policies/1/timeline/folio_map/runs/mapping/0", 1, "mapping: expected numbers of entries"},
        Wrong{"/policies/1/timeline/folio_map/runs/last_sample/0", 2, "last_sample: expected numbers of"},
        Wrong{"/policies/1/timeline/folio_map/runs/order/0", 11, "order: expected numbers of"},
        Wrong{"/policies/1/timeline/folio_map/runs/reason/0", -1, "reason: expected numbers of"},
        Wrong{"/policies/1/timeline/folio_map/mappings/0/start", "7", "start: expected an address"}));

// A list that nobody could have made is refused before anything is built of it.
TEST(ParseRun, TooMany) {
  Json json = replay_answer();
  while (json["policies"].size() <= 256) json["policies"].push_back(json["policies"][0]);
  EXPECT_THAT(complaint(json.dump()), HasSubstr("/policies: expected a shorter list"));
}

}  // namespace
}  // namespace quire::report
