// Expectations that do not hold are found, each with its reason. The engine is
// what they are held against.
#include "litmus/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "litmus/engine_side.h"
#include "litmus/parse.h"
#include "litmus/recording_json.h"
#include "litmus/side.h"

#include <nlohmann/json.hpp>

namespace quire::litmus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kOneFolio = "set 64K madvise\nmap A 128K\nadvise HUGEPAGE A\nwrite A+0 = 7\n";

struct Played {
  Experiment experiment;
  Recording recording;
};

Played run(const std::string& text) {
  Played r{*parse(text, "x"), {}};
  auto side = engine_side(r.experiment);
  EXPECT_TRUE(side);
  r.recording = *record(r.experiment, **side);
  return r;
}

std::vector<std::string> findings(const std::string& more) {
  const Played r = run(kOneFolio + more);
  std::vector<std::string> texts;
  for (const Finding& finding : check(r.experiment, r.recording)) texts.push_back(finding.what);
  return texts;
}

// All that is true of one folio of 64 KiB.
TEST(Check, FindsNothingWrongWithTheTruth) {
  EXPECT_THAT(
      findings("expect A..+64K order 64K, anon, present, same folio, exclusive, mapcount 1, pte, folio A\n"
               "expect A+64K..end absent\nexpect faults 1\nexpect counter 64K/anon_fault_alloc +1\n"
               "expect counter 64K/nr_anon +1\nexpect no other counters\npicture A b*16 .*16\n"
               "fork c\nexpect A..+64K shared, mapcount 2, folio c:A\nc: picture A q*16 .*16\n"),
      IsEmpty());
}

// The first page that is otherwise is named.
TEST(Check, Pages) {
  EXPECT_THAT(findings("expect A order 64K\n"), ElementsAre("expect A order 64K: A+64K is absent"));
  EXPECT_THAT(findings("expect A+0 shared\n"),
              ElementsAre("expect A+0 shared: A is anon folio 0 of 64K, page 0, mapped once"));
  EXPECT_THAT(findings("expect A..+8K own folios\n"),
              ElementsAre("expect A..+8K own folios: A+4K is anon folio 0 of 64K, page 1, mapped once"));
  EXPECT_THAT(findings("expect A+0 folio A+64K\n"),
              ElementsAre("expect A+0 folio A+64K: there is no folio at that place"));
  EXPECT_THAT(findings("expect A+0 not folio A+4K, pmd, zero\n").size(), 3U);
  EXPECT_THAT(findings("expect 0x1000 absent\n"), ElementsAre("0x1000 is in no mapping that has a name"));
}

TEST(Check, Pictures) {
  EXPECT_THAT(findings("picture A a*16 0 .*15\n"),
              ElementsAre("from A+64K on the picture of A is a*16 .*16, expected a*16 0 .*15"));
  EXPECT_THAT(findings("picture A+124K ...\n"),
              ElementsAre("the picture goes beyond what has a name, at 0x200020000"));
}

TEST(Check, CountersAndFaults) {
  EXPECT_THAT(findings("expect counter 64K/anon_fault_alloc +2\nexpect no other counters\n"),
              ElementsAre("counter 64K/anon_fault_alloc moved by +1, expected +2",
                          "counter 64K/nr_anon moved by +1, expected no other to move"));
  EXPECT_THAT(findings("expect faults 0\n"), ElementsAre("1 faults, expected 0"));
}

// A step that ends otherwise, and a read that finds something else.
TEST(Check, Endings) {
  EXPECT_THAT(findings("unmap A+5\n"), ElementsAre("unmap A+5 ended in EINVAL, expected success"));
  EXPECT_THAT(findings("unmap A -> EINVAL\n"),
              ElementsAre("unmap A -> EINVAL ended in success, expected EINVAL"));
  EXPECT_THAT(findings("protect A none\nwrite A+0 -> SIGSEGV\n"), IsEmpty());
  EXPECT_THAT(findings("read A..+8K = 7\n"),
              ElementsAre("read A..+8K = 7: 1 of the bytes were not the expected one"));
}

// A run is like itself; another one differs where it first does.
TEST(Compare, FindsTheFirstDifference) {
  const Played a = run(kOneFolio), same = run(kOneFolio);
  EXPECT_THAT(compare(a.experiment, a.recording, same.recording), IsEmpty());
  Played small = run(std::string(kOneFolio).replace(4, 3, "32K"));
  small.recording.side = "other";
  const auto found = compare(a.experiment, a.recording, small.recording);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].what,
            "p: A: engine has anon folio 0 of 64K, page 0, mapped once, other has anon folio 0 of 32K, page "
            "0, mapped once");
  Played written = run(std::string(kOneFolio).replace(std::string(kOneFolio).find('7'), 1, "8"));
  EXPECT_EQ(compare(a.experiment, a.recording, written.recording).size(), 1U) << "the bytes at the end";
}

// Steps the engine has not are named, and what came before stays judged.
TEST(Record, StopsAtWhatItCannotDo) {
  const Played r = run(std::string(kOneFolio) + "uffd protect A\nread A+0 = 1\n");
  ASSERT_TRUE(r.recording.unable);
  EXPECT_EQ(r.recording.unable->line(),
            "engine: write-protection by userfaultfd: not modelled by the engine yet");
  EXPECT_EQ(r.recording.steps.size(), 3U);
}

// A recording survives being stored, whether or not all views are written.
TEST(RecordingJson, IsReadBack) {
  const Played r =
      run(std::string(kOneFolio) +
          "map B 2M\nmap C 64K at B+64K\nwrite B every 64K\nfork c\nc: write A+4K\nset 2M madvise\n"
          "advise HUGEPAGE B\nunmap A+8K\nc: exit\nread A+64K\n");
  for (const Views views : {Views::kAll, Views::kChanged}) {
    const auto json = to_json(r.experiment, r.recording, views);
    const auto again = recording_from_json(r.experiment, nlohmann::ordered_json::parse(json.dump()), "x");
    ASSERT_TRUE(again) << again.error().line();
    EXPECT_EQ(again->steps, r.recording.steps);
    EXPECT_EQ(again->contents, r.recording.contents);
    EXPECT_EQ(again->counters, r.recording.counters);
  }
}

TEST(RecordingJson, RefusesWhatIsNoRecording) {
  const Played r = run(kOneFolio);
  for (const char* const text : {"{}", "[]", R"({"side":"x","counters":[],"steps":[{}],"contents":[]})"})
    EXPECT_FALSE(recording_from_json(r.experiment, nlohmann::ordered_json::parse(text), "x")) << text;
}

// An experiment that is to fail is right only when it does, and as it should.
TEST(Check, ExpectsFailure) {
  Experiment experiment;
  experiment.fails = Subject::kContents;
  const Finding bytes{{}, "a byte", Evidence::kCertain, Subject::kContents};
  const Finding page{{}, "a page", Evidence::kCertain, Subject::kPages};
  EXPECT_THAT(expect_failure(experiment, {bytes}), IsEmpty());
  EXPECT_THAT(expect_failure(experiment, {bytes, page}), ElementsAre(page));
  EXPECT_EQ(expect_failure(experiment, {}).size(), 1U);
  EXPECT_THAT(expect_failure({}, {bytes}), ElementsAre(bytes));
}

// A byte that is another one is about contents, a page about pages.
TEST(Check, SaysWhatAFindingIsAbout) {
  const Played bytes = run(std::string(kOneFolio) + "read A+0 = 8\n");
  EXPECT_EQ(check(bytes.experiment, bytes.recording).front().subject, Subject::kContents);
  const Played ending = run(std::string(kOneFolio) + "unmap A+1..+4K\n");
  EXPECT_EQ(check(ending.experiment, ending.recording).front().subject, Subject::kEndings);
}
std::vector<std::string> all_findings(const std::string& text) {
  const Played r = run(text);
  std::vector<std::string> texts;
  for (const Finding& finding : check(r.experiment, r.recording)) texts.push_back(finding.what);
  return texts;
}

constexpr const char* kTooMuch = "limit 4M\nmap A 1M\nwrite A = 1\nfork c\n";

// Who asks and holds most is ended: its step says so, it is alive no more, the others go on.
TEST(Check, TheOneThatAsksIsKilled) {
  const std::string text = std::string(kTooMuch) + "c: map B 8M\nc: write B = 2 -> SIGKILL\nread A = 1\n";
  EXPECT_THAT(all_findings(text), IsEmpty());
  const Played r = run(text);
  EXPECT_THAT(r.recording.steps[4].ending.killed, ElementsAre("c"));
  EXPECT_TRUE(r.recording.steps[4].limited);
  EXPECT_FALSE(r.recording.steps[3].limited);
  EXPECT_EQ(find_view(r.recording.steps[5], "c", "B"), nullptr);
}

// Who holds most is ended for another one, which gets what it asked for.
TEST(Check, AnotherOneIsKilled) {
  const std::string text = std::string(kTooMuch) + "c: map B 2500K\nc: write B = 2\nmap C 1M\nwrite C = 3\n";
  EXPECT_THAT(all_findings(text + "c: expect killed\nread C = 3\n"), IsEmpty());
  EXPECT_THAT(all_findings(text), ElementsAre("write C = 3: c was killed, out of memory"));
}

// An end that does not come, and steps of one that nobody expected to be gone.
TEST(Check, EndsThatAreOthersThanExpected) {
  EXPECT_THAT(all_findings("limit 4M\nmap A 1M\nfork c\nwrite A = 1\nc: expect killed\n"),
              ElementsAre("c was not killed, expected it to be"));
  EXPECT_THAT(all_findings("limit 4M\nmap A 8M\nwrite A = 1\nread A = 1\n"),
              ElementsAre("write A = 1 ended in SIGKILL, expected success",
                          "read A = 1 ended in ESRCH, expected success"));
}

// Who is gone has no children: nobody asks for the pages of one that never was.
TEST(Check, TheKilledHaveNoChildren) {
  EXPECT_THAT(
      all_findings("limit 4M\nmap A 8M\nwrite A = 1\nfork c\nc: read A = 1\n"),
      ElementsAre("write A = 1 ended in SIGKILL, expected success", "fork c ended in ESRCH, expected success",
                  "c: read A = 1 ended in ESRCH, expected success"));
}

// What is stored of an end is read again.
TEST(Check, EndsAreStored) {
  const Played r = run(std::string(kTooMuch) + "c: map B 8M\nc: write B = 2 -> SIGKILL\nread A = 1\n");
  const auto again =
      recording_from_json(r.experiment, to_json(r.experiment, r.recording, Views::kChanged), "x");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->steps, r.recording.steps);
}

// A limit that is lowered takes back; what it cannot get it refuses to forbid.
TEST(Check, ALoweredLimit) {
  EXPECT_THAT(all_findings("swap zram lz4 64M\nlimit 16M\nmap A 8M\nwrite A = text 1\nlimit 4M\n"
                           "read A = text 1\n"),
              IsEmpty());
  EXPECT_THAT(all_findings("limit 16M\nmap A 8M\nwrite A = 1\nlimit 4M -> EBUSY\nwrite A = 2\nread A = 2\n"),
              IsEmpty());
}

}  // namespace
}  // namespace quire::litmus
