#include "trace/describe.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "trace/header_json.h"
#include "trace/test_recording.h"
#include "trace/utf8.h"

namespace quire::trace {
namespace {

using namespace testing;
using ::testing::HasSubstr;

TraceStats stats_of(const std::vector<Event>& events) {
  auto reader = Reader::from_bytes(recording_bytes(events, full_summary(), 4));
  return describe(*reader).value();
}

bool safe_for_terminals(const std::string& text) {
  return is_utf8(text) &&
         std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f; });
}

// Every number of the small run, counted by hand.
TEST(Describe, CountsTheSmallRun) {
  const TraceStats stats = stats_of(small_run());
  EXPECT_EQ(stats.events, 19U);
  EXPECT_EQ(stats.by_kind.at(Kind::kTouch), 7U);
  EXPECT_EQ(stats.by_kind.at(Kind::kVma), 2U);
  EXPECT_EQ(stats.by_syscall.at(Sys::kMmap), 1U);
  EXPECT_EQ(stats.by_syscall.at(Sys::kMunmap), 1U);
  EXPECT_EQ(stats.touches.writes, 5U);
  EXPECT_EQ(stats.touches.reads, 1U);
  EXPECT_EQ(stats.touches.executes, 1U);
  EXPECT_EQ(stats.touches.kernel, 1U);
  EXPECT_EQ(stats.touches.uncounted, 1U);
  EXPECT_EQ(stats.touches.total(), 7U);
  EXPECT_EQ(stats.min_flt, 520U);
  EXPECT_EQ(stats.maj_flt, 1U);
  EXPECT_EQ(stats.last_time_us, 31U);
  EXPECT_FALSE(stats.damage.has_value());
}

// The family of tasks, and who used which address space.
TEST(Describe, KnowsTasksAndAddressSpaces) {
  const TraceStats stats = stats_of(small_run());
  ASSERT_EQ(stats.tasks.size(), 2U);
  const TaskStats& shell = stats.tasks.at(1);
  const TaskStats& child = stats.tasks.at(2);
  EXPECT_EQ(shell.comm, "sh");
  EXPECT_EQ(shell.execs, std::vector<std::string>{"sh"});
  EXPECT_EQ(shell.children, std::vector<TaskId>{2});
  EXPECT_EQ(child.parent, 1U);
  EXPECT_EQ(child.comm, "sh");
  EXPECT_EQ(child.mm, 3U);
  EXPECT_TRUE(child.exited);
  EXPECT_EQ(child.min_flt, 120U);
  EXPECT_EQ(child.touches.writes, 1U);
  const MmStats& mm = stats.mms.at(2);
  ASSERT_EQ(mm.mappings.size(), 2U);
  EXPECT_EQ(mm.mappings[0].file, "dash");
  EXPECT_EQ(mm.mappings[0].range, (VirtRange{VirtAddr(0x400000), VirtAddr(0x41f000)}));
  EXPECT_TRUE(mm.mappings[1].file.empty());
  EXPECT_TRUE(stats.mms.at(3).gone);
}

// A call that is recorded at both ends counts once.
TEST(Describe, CountsEachCallOnce) {
  const TraceStats stats =
      stats_of({syscall(Sys::kMremap, 1, 1, {}, 0, Phase::kEnter), syscall(Sys::kMremap, 1, 1, {}, 0x1000),
                syscall(Sys::kMunmap, 1, 1, {}, 0, Phase::kEnter), syscall(Sys::kMunmap, 1, 1, {}, -22)});
  EXPECT_EQ(stats.by_syscall.at(Sys::kMremap), 1U);
  EXPECT_EQ(stats.by_syscall.at(Sys::kMunmap), 1U);
  EXPECT_EQ(stats.tasks.at(1).syscalls, 2U);
}

// The text names the command, the tier, what it lacks, the gate and the tasks.
TEST(Describe, TextSaysWhatMatters) {
  TraceStats stats = stats_of(small_run());
  EXPECT_THAT(to_text(stats), HasSubstr("gate       not checked"));
  stats.summary->gate = full_gate();
  const std::string text = to_text(stats);
  EXPECT_THAT(text, HasSubstr("command    prog "));
  EXPECT_THAT(text, HasSubstr("tier perf"));
  EXPECT_THAT(text, HasSubstr("lacks: lost: order between cpus"));
  EXPECT_THAT(text, HasSubstr("killed by signal 11"));
  EXPECT_THAT(text, HasSubstr("gate       FAILED: 10 faults recorded + 2 populated, 13 by the kernel"));
  EXPECT_THAT(text, HasSubstr("1 fault is unexplained"));
  EXPECT_THAT(text, HasSubstr("  1 sh"));
  EXPECT_THAT(text, HasSubstr("    2 sh"));
}

// The JSON holds the same numbers, and null where nothing is known.
TEST(Describe, JsonHoldsTheSameNumbers) {
  const auto json = to_json(stats_of(small_run()));
  EXPECT_EQ(json["events"], 19);
  EXPECT_EQ(json["events_by_kind"]["touch"], 7);
  EXPECT_EQ(json["syscalls_by_name"]["madvise"], 1);
  EXPECT_EQ(json["tasks"][1]["parent"], 1);
  EXPECT_EQ(json["address_spaces"][0]["mappings"][0]["file"], "dash");
  EXPECT_EQ(json["summary"]["gate"], nullptr);
  EXPECT_EQ(json["damage"], nullptr);
  EXPECT_EQ(json["header"]["tier"], "perf");
  auto unfinished = Reader::from_bytes(recording_bytes({touch(1, 1, 0, 0)}, std::nullopt));
  const auto cut = to_json(describe(*unfinished).value());
  EXPECT_EQ(cut["summary"], nullptr);
  EXPECT_EQ(cut["tasks"][0]["min_flt"], nullptr);
}

// Names that would move the cursor, or turn the direction of the text, reach
// neither text nor JSON.
TEST(Describe, NamesCannotDriveATerminal) {
  const std::string evil =
      "\x1b]0;owned\x07\r\n\xc2\x9b"
      "31m\xe2\x80\xae"
      "gpj\xff\x7f";
  Header header = full_header();
  header.argv = header.lacks = {evil};
  header.tool_version = header.kernel_release = header.machine = evil;
  const TempDir dir;
  Event exec = small_run()[0];
  exec.text = evil;
  write_recording(dir.file("r"), header, {exec, named(small_run()[1], 1, evil), small_run()[2]},
                  full_summary());
  auto reader = Reader::open(dir.file("r"));
  const TraceStats stats = describe(*reader).value();
  for (const std::string& shown : {to_text(stats), to_json(stats).dump(1)}) {
    EXPECT_TRUE(safe_for_terminals(shown)) << shown;
    EXPECT_EQ(shown.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(shown.find("\xe2\x80\xae"), std::string::npos);
  }
  EXPECT_EQ(escape_name(evil), "\\x1b]0;owned\\x07\\x0d\\x0a\\u{9b}31m\\u{202e}gpj\\xff\\x7f");
  EXPECT_EQ(escape_name("caf\xc3\xa9 \\x1b"), "caf\xc3\xa9 \\\\x1b");
}

// Tasks that claim to be each other's parents, or their own, are shown once.
TEST(Describe, ACircleOfTasksEnds) {
  const TraceStats stats =
      stats_of({record(Kind::kFork, 1, 1, {1, 0, 0}), record(Kind::kFork, 1, 1, {2, 2, 0}),
                record(Kind::kFork, 2, 2, {1, 1, 0}), record(Kind::kFork, 3, 2, {2, 1, 0}),
                record(Kind::kFork, 1, 1, {1ULL << 32, 1, 0})});
  EXPECT_EQ(stats.tasks.at(2).parent, 1U);
  EXPECT_EQ(stats.tasks.at(1).parent, 2U);
  const std::string text = to_text(stats);
  EXPECT_THAT(text, HasSubstr("1 ?"));
  EXPECT_THAT(text, HasSubstr("2 ?"));
}

// A damaged recording is described up to the damage, and says so.
TEST(Describe, DamageIsShownWithWhatStandsBefore) {
  auto bytes = recording_bytes(small_run(), full_summary(), 4);
  bytes[bytes.size() / 2] ^= std::byte{1};
  auto reader = Reader::from_bytes(bytes);
  ASSERT_TRUE(reader.has_value());
  const TraceStats stats = describe(*reader).value();
  EXPECT_TRUE(stats.damage.has_value());
  EXPECT_LT(stats.events, small_run().size());
  EXPECT_THAT(to_text(stats), HasSubstr("DAMAGED    memory: offset"));
  EXPECT_NE(to_json(stats)["damage"], nullptr);
}

// Samples are counted by their numbers and windows by when the bits were cleared.
TEST(Describe, CountsSamplesOfAccessedPages) {
  auto events = small_run();
  const PageRun runs[] = {{0x7f0000000, 3, Written::kYes}, {0x7f0000100, 1, Written::kNo}};
  for (const SampleHead& head :
       {SampleHead{1, 2, 100, 50, 1}, SampleHead{1, 2, 200, 150, 2}, SampleHead{1, 2, 300, 90, 3}}) {
    for (Event& event : accessed_events(head, runs)) events.push_back(std::move(event));
  }
  const TraceStats stats = stats_of(events);
  EXPECT_EQ(stats.hotness.samples, 3U);
  EXPECT_EQ(stats.hotness.windows, 2U);
  EXPECT_EQ(stats.hotness.runs, 6U);
  EXPECT_EQ(stats.hotness.pages, 12U);
  EXPECT_EQ(stats.hotness.written, 9U);
  EXPECT_EQ(stats.mms.at(2).accessed_pages, 12U);
  EXPECT_THAT(to_text(stats), HasSubstr("accessed: 3 samples in 2 windows"));
  EXPECT_EQ(to_json(stats)["hotness"]["accessed_pages"], 12);
}

// How well memory compresses is shown by kind of mapping, as ratios.
TEST(Describe, ShowsContentsAsRatios) {
  const TempDir dir;
  auto writer = Writer::create(dir.file("r"), full_header()).value();
  ASSERT_TRUE(writer.append_contents(contents_sample()).has_value());
  ASSERT_TRUE(writer.finish(full_summary()).has_value());
  auto reader = Reader::open(dir.file("r")).value();
  const TraceStats stats = describe(reader).value();
  EXPECT_EQ(stats.contents, std::vector{contents_sample()});
  EXPECT_THAT(to_text(stats), HasSubstr("3 heap"));
  EXPECT_THAT(to_text(stats), HasSubstr("4.00/-/-"));
  EXPECT_EQ(to_json(stats)["contents"][0]["mappings"][0]["lz4"][0]["stored_bytes"], 2048);
}

// Every kind and every call has a name of its own; a number without one has none.
TEST(Describe, EverythingHasAName) {
  std::set<std::string_view> names;
  for (unsigned kind = 1; kind <= 10; ++kind) names.insert(kind_name(static_cast<Kind>(kind)));
  for (unsigned sys = 1; sys <= 18; ++sys) names.insert(sys_name(static_cast<Sys>(sys)));
  EXPECT_EQ(names.size(), 28U);
  EXPECT_EQ(names.count("?"), 0U);
  EXPECT_EQ(kind_name(static_cast<Kind>(11)), "?");
  EXPECT_EQ(sys_name(static_cast<Sys>(19)), "?");
}

// The reference page explains every kind, every call and every member of the
// JSON chunks.
TEST(Describe, EverythingIsDocumented) {
  std::ifstream in(QUIRE_SOURCE_DIR "/docs/reference/recording-format.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto explained = [&](std::string_view name) {
    return page.find(fmt::format("`{}`", name)) != page.npos;
  };
  for (unsigned kind = 1; kind <= 10; ++kind)
    EXPECT_TRUE(explained(kind_name(static_cast<Kind>(kind)))) << kind;
  for (unsigned sys = 1; sys <= 18; ++sys) EXPECT_TRUE(explained(sys_name(static_cast<Sys>(sys)))) << sys;
  for (const std::string& json :
       {encode_header(full_header()), encode_summary(full_summary()), encode_gate(full_gate())}) {
    const auto members = nlohmann::json::parse(json);
    for (const auto& [name, value] : members.items()) EXPECT_TRUE(explained(name)) << name;
  }
}

}  // namespace
}  // namespace quire::trace
