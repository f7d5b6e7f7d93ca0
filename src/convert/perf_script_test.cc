#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/perf_script_line.h"
#include "convert/testing_import.h"

namespace quire::convert {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using trace::Event;
using trace::Kind;
using trace::Sys;
using trace::TouchBits;

testing::Imported perf(std::string_view text, Lines lines = Lines::kAllMustFit) {
  return testing::import_text(Format::kPerfScript, text, lines);
}

std::string corpus(const char* name) {
  return testing::sample(std::string(QUIRE_SOURCE_DIR "/tests/corpus/perf_script/") + name);
}

constexpr const char* kExec = "p 9 1.0: PERF_RECORD_COMM exec: p:9/9\n";

// A command may be made of what looks like the rest of the line.
TEST(PerfScriptLine, FindsTaskAndTimeBehindAnyCommand) {
  auto line =
      split_perf_script(" Web Content  6805/6806 [001] 46438.035996:          1  page-faults:u:  401000");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->tid, 6806U);
  EXPECT_EQ(line->time_ns, 46'438'035'996'000U);
  EXPECT_EQ(line->event, "page-faults:u");
  EXPECT_EQ(line->text, "401000");
  line = split_perf_script("a 1 2 7 5.000000001: syscalls:sys_exit_brk: 0x1");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->tid, 7U);
  EXPECT_EQ(line->time_ns, 5'000'000'001U);
  EXPECT_FALSE(split_perf_script("nothing of the kind"));
  EXPECT_FALSE(split_perf_script(""));
}

// A real trace: workloads/import_sample.c under perf 6.1 on Linux 6.18. Every
// fault that perf counted is a touch with an address and a direction.
TEST(PerfScript, ReadsARealTrace) {
  const auto imported = perf(corpus("small"));
  ASSERT_TRUE(imported.findings) << imported.wrong->line();
  const trace::Summary& summary = imported.findings->summary;
  EXPECT_EQ(summary.touches, summary.min_flt);
  EXPECT_EQ(summary.lost_events, 0U);
  EXPECT_EQ(summary.tasks, 2U);
  EXPECT_EQ(imported.of(Kind::kFork).size(), 1U);
  EXPECT_EQ(imported.of(Sys::kMmap).size(), 1U);
  EXPECT_EQ(imported.of(Sys::kMmap)[0].args[1], 262144U);
  EXPECT_EQ(imported.of(Sys::kMunmap).size(), 1U);
  EXPECT_EQ(imported.of(Sys::kBrk).size(), 2U);
  std::uint64_t written = 0;
  for (const Event& touch : imported.of(Kind::kTouch)) {
    EXPECT_EQ(touch.flags & TouchBits::kNoDirection, 0);
    written += (touch.flags & TouchBits::kWrite) != 0 ? 1 : 0;
  }
  EXPECT_GE(written, 64U);  // each page of 256 KiB
  EXPECT_EQ(imported.findings->brk_of_exec.size(), 1U);
}

// raw_syscalls, nanoseconds, a call chain, page-faults alone, and other events.
TEST(PerfScript, ReadsTheOtherShapes) {
  const auto imported = perf(corpus("raw"));
  ASSERT_TRUE(imported.findings) << imported.wrong->line();
  EXPECT_EQ(imported.findings->header.kernel_release, "6.18.0");
  EXPECT_EQ(imported.findings->header.ram_bytes, 1'024'000U);
  ASSERT_EQ(imported.of(Kind::kVma).size(), 2U);
  EXPECT_EQ(imported.of(Kind::kFile)[0].text, "a b");
  ASSERT_EQ(imported.of(Sys::kMmap).size(), 1U);
  EXPECT_EQ(imported.of(Sys::kMmap)[0].result, 139879);
  const auto touches = imported.of(Kind::kTouch);
  ASSERT_EQ(touches.size(), 2U);
  EXPECT_EQ(touches[0].flags, TouchBits::kNoDirection | TouchBits::kKernel);
  EXPECT_EQ(touches[1].addr.raw(), 0x401000U);
  EXPECT_THAT(imported.findings->header.lacks, Contains(HasSubstr("whether a touch read")));
}

// More memory than faults: a large folio hid the touches inside. That and what
// perf says it lost keep the gate from passing.
TEST(PerfScript, NoticesLargeFoliosAndLosses) {
  const auto imported = perf(corpus("raw"));
  EXPECT_EQ(imported.findings->summary.lost_events, 3U + 15U);
  EXPECT_THAT(imported.findings->header.lacks, Contains(HasSubstr("inside large folios, 15 pages")));
}

// Before Linux 6.2 the counter moved by up to 64 pages at once, after as many faults.
TEST(PerfScript, KnowsALateCounterFromALargeFolio) {
  std::string text =
      std::string(kExec) + "p 9 1.0: kmem:rss_stat: mm_id=1 curr=1 type=MM_ANONPAGES size=0B\n";
  for (int i = 0; i < 64; ++i)
    text += fmt::format("p 9 1.0: exceptions:page_fault_user: address=0x{:x} ip=0x0 error_code=0x6\n",
                        0x5000 + i * 4096);
  text += "p 9 1.0: kmem:rss_stat: mm_id=1 curr=1 type=MM_ANONPAGES size=262144B\n";
  EXPECT_EQ(perf(text).findings->summary.lost_events, 0U);
}

// Faults that were sampled are not all there.
TEST(PerfScript, CountsWhatSamplingLeftOut) {
  const auto imported = perf(std::string(kExec) + "p 9 1.1: 5 page-faults: 401000\n");
  EXPECT_EQ(imported.findings->summary.min_flt, 5U);
  EXPECT_EQ(imported.findings->summary.lost_events, 4U);
  EXPECT_THAT(imported.findings->header.lacks, Contains(HasSubstr("-c 1")));
}

// Without -F +addr the number is the instruction's, not the memory's.
TEST(PerfScript, DoesNotTakeAnInstructionForATouch) {
  const auto imported = perf(std::string(kExec) + "p 9 1.1: 1 page-faults: 401000 main+0x0 (/srv/p)\n");
  EXPECT_EQ(imported.of(Kind::kTouch).size(), 0U);
  EXPECT_THAT(imported.findings->header.lacks, Contains(HasSubstr("+addr")));
}

// Tasks that do not descend from the first program are not looked at.
TEST(PerfScript, LeavesOtherProcessesAlone) {
  const auto imported = perf(std::string(kExec) +
                             "q 8 1.1: exceptions:page_fault_user: address=0x5000 ip=0x0 error_code=0x6\n" +
                             "q 8 1.1: 1 page-faults: 5000\np 9 1.2: exceptions:page_fault_user: "
                             "address=0x6000 ip=0x0 error_code=0x4\n");
  ASSERT_EQ(imported.of(Kind::kTouch).size(), 1U);
  EXPECT_EQ(imported.of(Kind::kTouch)[0].addr.raw(), 0x6000U);
  EXPECT_EQ(imported.findings->summary.min_flt, 0U);
}

// What is wrong, and where.
TEST(PerfScript, SaysWhichLineDoesNotFit) {
  const auto wrong = [](const std::string& line) {
    const auto imported = perf(std::string(kExec) + line + "\n");
    return imported.wrong ? imported.wrong->line() : "nothing";
  };
  EXPECT_THAT(wrong("hello"), HasSubstr("text:2: expected COMMAND PID"));
  EXPECT_THAT(wrong("p 9 1.0: syscalls:sys_enter_mmap: addr: 0x0, len: 0x1"), HasSubstr("6 arguments"));
  EXPECT_THAT(wrong("p 9 1.0: PERF_RECORD_MMAP2 9/9: [0x1000(0x10) @ 0 0:0 0 0]: rw-p x"),
              HasSubstr("whole pages"));
  EXPECT_THAT(wrong("p 9 1.0: PERF_RECORD_MMAP2 9/9: [0xfffffffffff000(0x2000) @ 0 0:0 0 0]: rw-p x"),
              HasSubstr("whole pages"));
  EXPECT_THAT(wrong("p 9 1.0: exceptions:page_fault_user: address=0x1"), HasSubstr("error_code"));
  EXPECT_THAT(wrong("p 9 1.0: 99999999999 page-faults: 1"), HasSubstr("period"));
  EXPECT_THAT(wrong("p 9 1.0: sched:sched_switch: anything"), HasSubstr("nothing"));
}

// No program: no recording.
TEST(PerfScript, RefusesATraceWithoutABeginning) {
  EXPECT_THAT(perf("p 9 1.0: 1 page-faults: 5000\n").wrong->line(), HasSubstr("PERF_RECORD_COMM exec"));
}

// Names of files can be kept out.
TEST(PerfScript, HashesNamesOfFiles) {
  const auto imported =
      testing::import_text(Format::kPerfScript, corpus("raw"), Lines::kAllMustFit, record::Scrubber(1));
  EXPECT_THAT(imported.of(Kind::kFile)[0].text, Not(HasSubstr("a b")));
}

// However many mappings a text claims while a program is loaded.
TEST(PerfScript, BoundsTheMappingsOfAProgram) {
  std::string text = kExec;
  for (int i = 0; i < 6000; ++i)
    text += fmt::format("p 9 1.0: PERF_RECORD_MMAP2 9/9: [0x{:x}(0x1000) @ 0 0:0 0 0]: rw-p x\n",
                        0x10000 + i * 8192);
  text += "p 9 1.1: exceptions:page_fault_user: address=0x5000 ip=0x0 error_code=0x6\n";
  const auto imported = perf(text);
  EXPECT_EQ(imported.of(Kind::kVma).size(), 4096U);
  EXPECT_EQ(imported.findings->summary.lost_events, 6000U - 4096U);
}

}  // namespace
}  // namespace quire::convert
