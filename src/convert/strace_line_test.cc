#include "convert/strace_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/strace_words.h"

namespace quire::convert {
namespace {

using ::testing::ElementsAre;
using What = StraceLine::What;
using Clock = StraceLine::Clock;

StraceLine line_of(std::string_view text) {
  const auto line = split_strace(text);
  EXPECT_TRUE(line.has_value()) << text;
  return line.value_or(StraceLine{});
}

std::optional<std::int64_t> result_of(std::string_view text) {
  const auto result = read_result(text);
  EXPECT_TRUE(result.has_value()) << text;
  return result.value_or(std::nullopt);
}

// The task, the time, the call: each in all the ways strace writes them.
TEST(StraceLine, ReadsTaskAndTime) {
  StraceLine line = line_of("12 1795440265.727928 brk(NULL) = 0x5000");
  EXPECT_EQ(line.tid, 12U);
  EXPECT_EQ(line.clock, Clock::kEpoch);
  EXPECT_EQ(line.time_ns, 1'795'440'265'727'928'000U);
  EXPECT_EQ(line.name, "brk");
  EXPECT_EQ(line.text, "NULL) = 0x5000");

  line = line_of("[pid    13] 23:59:58.5 brk(NULL) = 0x5000");
  EXPECT_EQ(line.tid, 13U);
  EXPECT_EQ(line.clock, Clock::kDay);
  EXPECT_EQ(line.time_ns, 86'398'500'000'000U);

  line = line_of("     0.000123 brk(NULL) = 0x5000");
  EXPECT_EQ(line.tid, std::nullopt);
  EXPECT_EQ(line.clock, Clock::kStep);
  EXPECT_EQ(line.time_ns, 123'000U);

  line = line_of("brk(NULL)         = 0x5000");
  EXPECT_EQ(line.clock, Clock::kNone);
  EXPECT_EQ(line.what, What::kCall);
}

// A call in two halves, the end of a task, and what says nothing.
TEST(StraceLine, TellsWhatALineIs) {
  EXPECT_EQ(line_of("1 munmap(0x1000, 4096 <unfinished ...>").what, What::kUnfinished);
  const StraceLine resumed = line_of("1 <... munmap resumed>) = 0");
  EXPECT_EQ(resumed.what, What::kResumed);
  EXPECT_EQ(resumed.name, "munmap");
  EXPECT_EQ(resumed.text, ") = 0");
  EXPECT_EQ(line_of("1 +++ exited with 0 +++").what, What::kEnded);
  EXPECT_EQ(line_of("1 --- SIGCHLD {si_signo=SIGCHLD} ---").what, What::kOther);
  EXPECT_EQ(line_of("strace: Process 12 attached").what, What::kOther);
  EXPECT_FALSE(split_strace("hello, world"));
  EXPECT_FALSE(split_strace("12 Hello(1) = 2"));
}

// Commas in strings, brackets and names of files separate nothing.
TEST(StraceCall, SplitsArguments) {
  const auto call =
      split_call(R"("a, \", b", ["x", "y"], {f=1, g=2}, 3</lib, z>, NULL) = -1 EPERM (no, ever))");
  ASSERT_TRUE(call);
  EXPECT_THAT(call->args, ElementsAre(R"("a, \", b")", R"(["x", "y"])", "{f=1, g=2}", "3</lib, z>", "NULL"));
  EXPECT_EQ(call->behind, "= -1 EPERM (no, ever)");
  EXPECT_TRUE(split_call(") = 0")->args.empty());
  EXPECT_FALSE(split_call("\"never closed"));
  EXPECT_FALSE(split_call("[1, 2"));
}

// As the kernel returns it.
TEST(StraceCall, ReadsResults) {
  EXPECT_EQ(result_of("= 0x7f0f667f9000"), 0x7f0f667f9000);
  EXPECT_EQ(result_of("= -1 ENOMEM (Cannot allocate memory)"), -12);
  EXPECT_EQ(result_of("= 0 <0.000012>"), 0);
  EXPECT_EQ(result_of("= ?"), std::nullopt);
  EXPECT_FALSE(read_result("0"));
  EXPECT_FALSE(read_result("= 0xffffffffffffffffff"));
}

// Bytes that strace shows by number.
TEST(StraceCall, ReadsStrings) {
  EXPECT_EQ(read_string(R"("q\"\303\244\n")"), "q\"\xc3\xa4\n");
  EXPECT_EQ(read_string("\"cut\"..."), "cut");
  EXPECT_EQ(read_string("NULL"), std::nullopt);
  EXPECT_EQ(read_string("\"open"), std::nullopt);
}

// Names, numbers, and both.
TEST(StraceWords, ReadsFlags) {
  EXPECT_EQ(read_value("PROT_READ|PROT_WRITE"), 3U);
  EXPECT_EQ(read_value("MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT"),
            0x22U | 0x40000U | 21U << 26);
  EXPECT_EQ(read_value("0x400 /* MADV_??? */"), 0x400U);
  EXPECT_EQ(read_value("-1"), ~0ULL);
  EXPECT_EQ(read_value("3</a|b>"), 3U);
  EXPECT_EQ(read_value("PROT_RAED"), std::nullopt);
  EXPECT_EQ(named_value("child_stack=NULL, flags=CLONE_VM|SIGCHLD, x=1", "flags"), 0x100U | 17U);
  EXPECT_EQ(named_value("{exit_signal=0, flags=CLONE_VM}, 88", "flags"), 0x100U);
}

}  // namespace
}  // namespace quire::convert
