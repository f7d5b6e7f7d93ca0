// Recordings as JSON Lines and CSV.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exports/event_fields.h"
#include "exports/testing_export.h"
#include "trace/describe.h"

namespace quire::exports {
namespace {

using testing::exported;
using ::testing::HasSubstr;
using testing::lines_of;
using ::testing::Not;
using Json = nlohmann::json;

std::string jsonl(trace::Reader reader, const record::Scrubber& scrubber = {}) {
  return exported([&](Output& out) { EXPECT_TRUE(events_jsonl(reader, scrubber, out)); });
}
std::string csv(trace::Reader reader, const record::Scrubber& scrubber = {}) {
  return exported([&](Output& out) { EXPECT_TRUE(events_csv(reader, scrubber, out)); });
}

// Every event of real recordings, and of each kind as many as `quire info` counts.
TEST(EventsJsonl, HasEveryEvent) {
  for (const char* name : {"shell-children", "sqlite"}) {
    trace::Reader reader = testing::shipped(name);
    const auto stats = trace::describe(reader);
    ASSERT_TRUE(stats);
    std::map<std::string, std::uint64_t> kinds;
    std::uint64_t calls = 0;
    for (const std::string& line : lines_of(jsonl(testing::shipped(name)))) {
      const Json event = Json::parse(line);
      ++kinds[event["kind"]];
      calls += event.contains("call") && event["call"] == "brk" ? 1U : 0U;
    }
    for (const auto& [kind, n] : stats->by_kind)
      EXPECT_EQ(kinds[std::string(trace::kind_name(kind))], n) << name;
    EXPECT_EQ(calls, stats->by_syscall.at(trace::Sys::kBrk));
    EXPECT_EQ(lines_of(csv(testing::shipped(name))).size(), stats->events + 1);
  }
}

// Arguments have their names; a descriptor is a small signed number.
TEST(EventsJsonl, NamesTheArguments) {
  const auto lines = lines_of(jsonl(testing::reader_of(trace::testing::small_run())));
  const auto find = [&](const char* text) {
    for (const std::string& line : lines)
      if (line.find(text) != std::string::npos) return Json::parse(line);
    return Json();
  };
  const Json mmap = find("\"mmap\"");
  EXPECT_EQ(mmap["length_bytes"], 1 << 20);
  EXPECT_EQ(mmap["fd"], -1);
  EXPECT_EQ(mmap["result"], 0x7f0000000000);
  const Json munmap = find("\"munmap\"");
  EXPECT_EQ(munmap["phase"], "enter");
  EXPECT_FALSE(munmap.contains("result"));
  EXPECT_EQ(find("\"fork\"")["child_task"], 2);
  EXPECT_EQ(find("\"exec\"")["comm"], "sh");
  EXPECT_EQ(find("\"execute\"")["address"], 0x401234);
  EXPECT_EQ(find("\"uncounted\"")["present"], true);
  EXPECT_EQ(find("\"madvise\"")["result"], -22);
}

// For others no name is left, equal names stay equal, and files have no inode.
TEST(EventsJsonl, PublicHasNoNames) {
  const record::Scrubber scrubber(7);
  for (const std::string& text : {jsonl(testing::reader_of(trace::testing::small_run()), scrubber),
                                  csv(testing::reader_of(trace::testing::small_run()), scrubber)}) {
    EXPECT_THAT(text, Not(HasSubstr("\"sh\"")));
    EXPECT_THAT(text, Not(HasSubstr(",sh\n")));
    EXPECT_THAT(text, Not(HasSubstr("dash")));
    EXPECT_THAT(text, Not(HasSubstr("2049")));
    EXPECT_THAT(text, HasSubstr(scrubber.file_name("dash")));
  }
}

// Names that would drive a terminal, end a line or be a formula.
TEST(EventsCsv, QuotesNames) {
  auto events = trace::testing::small_run();
  events[1].text = "=1+\"2\",3\n\x1b";
  const auto lines = lines_of(csv(testing::reader_of(events)));
  EXPECT_THAT(lines[2], HasSubstr(R"(,"'=1+""2"",3\x0a\x1b")"));
  EXPECT_EQ(std::ranges::count(lines[0], ','), 16);
  EXPECT_EQ(std::ranges::count(lines[4], ','), 16);
}

}  // namespace
}  // namespace quire::exports
