#include "top/screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "top/testing_frame.h"

namespace quire::top {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> text_of(const Screen& screen) {
  std::vector<std::string> lines;
  for (const Line& line : screen.lines) lines.push_back(line.plain());
  return lines;
}

class ScreenTest : public ::testing::TestWithParam<Area> {
 protected:
  std::vector<std::string> drawn() {
    const Screen screen = draw(frame_, view_, GetParam());
    EXPECT_EQ(screen.lines.size(), GetParam().lines);
    for (const Line& line : screen.lines) EXPECT_EQ(line.columns(), GetParam().columns) << line.plain();
    return text_of(screen);
  }
  Frame frame_ = testing::frame();
  View view_{.glyphs = Glyphs::kAscii};
};

// At any size: the largest process, its share of large folios, its bar, and how to leave.
TEST_P(ScreenTest, WhatMattersMost) {
  const auto lines = drawn();
  EXPECT_THAT(lines.front(), StartsWith("quire top "));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith(">"), HasSubstr("20 "), HasSubstr("800M"), HasSubstr("50%"),
                                    HasSubstr("..."), HasSubstr("###"), HasSubstr("redis"))));
  EXPECT_THAT(lines.back(), HasSubstr("q Quit"));
}

// Every mode fits every screen.
TEST_P(ScreenTest, EveryMode) {
  for (const auto mode : {View::Mode::kHelp, View::Mode::kSearch, View::Mode::kFilter, View::Mode::kSortMenu,
                          View::Mode::kUserMenu, View::Mode::kDetail}) {
    view_.mode = mode;
    EXPECT_FALSE(drawn().empty());
  }
}

// What is wrong is said on every screen, in words.
TEST_P(ScreenTest, SaysWhatIsWrong) {
  frame_.now.counts.sizes[kOrderPmd]["anon_fault_fallback"] += 100;
  EXPECT_THAT(drawn(), Contains(StartsWith("! 2M: 50% of 100 faults/s")));
}

// Without privilege every screen says so.
TEST_P(ScreenTest, SaysWhatItCannotSee) {
  frame_.tier = Tier::kSmaps;
  frame_.lost = "no page frames";
  EXPECT_THAT(drawn(), Contains(StartsWith("Seen by smaps only")));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ScreenTest, ::testing::Values(Area{80, 24}, Area{200, 50}, Area{40, 10}));

class Wide : public ::testing::Test {
 protected:
  std::vector<std::string> drawn(Area area = {80, 24}) { return text_of(draw(frame_, view_, area)); }
  Frame frame_ = testing::frame();
  View view_{.glyphs = Glyphs::kAscii};
};

// No size of a window makes it fall over.
TEST_F(Wide, AnySize) {
  for (std::size_t columns = 0; columns <= 30; columns += 5) {
    for (std::size_t lines = 0; lines <= 30; ++lines) EXPECT_EQ(drawn({columns, lines}).size(), lines);
  }
}

// Sizes that are on or used have a row with their rates; others when asked for.
TEST_F(Wide, SizesInUse) {
  frame_.now.counts.sizes[Order(5)] = frame_.before.counts.sizes[Order(5)];
  frame_.now.counts.sizes[Order(5)]["nr_anon"] = 0;
  EXPECT_THAT(drawn({200, 50}),
              Contains(AllOf(StartsWith("64K   always"), HasSubstr("2.5M"), HasSubstr(" 50 "))));
  EXPECT_THAT(drawn({200, 50}), Not(Contains(StartsWith("128K  "))));
  view_.all_sizes = View::Flag::kOn;
  EXPECT_THAT(drawn({200, 50}), Contains(StartsWith("128K  never")));
}

// Where there is no room for all, sizes that are on come first, and the rest is counted.
TEST_F(Wide, SizesThatMatterMost) {
  EXPECT_THAT(drawn(), Contains(StartsWith("64K   always")));
  EXPECT_THAT(drawn(), Contains(StartsWith("2M    madvise")));
  EXPECT_THAT(drawn(), Contains(::testing::EndsWith("  +4")));
}

// Counters say over which time they are.
TEST_F(Wide, CountersInThreeSpans) {
  EXPECT_THAT(drawn(), Contains(AllOf(StartsWith("SIZE"), HasSubstr("per s"))));
  view_.span = Span::kSinceBoot;
  EXPECT_THAT(drawn(), Contains(AllOf(StartsWith("SIZE"), HasSubstr("  boot"))));
  EXPECT_THAT(drawn(), Contains(AllOf(StartsWith("64K"), HasSubstr(" 500 "))));
}

// The heading of the column that sorts has a mark, not only a style.
TEST_F(Wide, MarksTheColumnThatSorts) {
  EXPECT_THAT(drawn(), Contains(AllOf(HasSubstr("PID USER"), HasSubstr("RSSv"))));
  view_.reversed = View::Flag::kOn;
  EXPECT_THAT(drawn(), Contains(HasSubstr("RSS^")));
}

// What is not known is a dash: rates of a new process, folios not read yet.
TEST_F(Wide, UnknownIsADash) {
  EXPECT_THAT(drawn(), Contains(AllOf(HasSubstr("init"), HasSubstr("    -     -   10M     -     -    - -"))));
}

// The escape sequence a program has in its name does not reach the terminal.
TEST_F(Wide, NamesAreFiltered) {
  frame_.processes[1].stat.name = "evil\x1b[2J";
  frame_.processes[1].folios->stranded = PageCount::covering(700_MiB);
  frame_.hostname = "h\x07";
  for (const auto mode : {View::Mode::kTable, View::Mode::kDetail}) {
    view_.mode = mode;
    for (const std::string& line : drawn({200, 50}))
      EXPECT_TRUE(std::ranges::none_of(line, [](unsigned char c) { return c < 0x20; })) << line;
  }
}

// One that stands below the page is scrolled to, and the page does not jump back.
TEST_F(Wide, Scrolls) {
  for (pid_t pid = 1000; pid < 1100; ++pid)
    frame_.processes.push_back(testing::process(pid, 1, "p" + std::to_string(pid), 1_MiB));
  view_.selected = 1099;
  EXPECT_THAT(drawn(), Contains(AllOf(StartsWith(">"), HasSubstr("1099"))));
  const std::size_t at = view_.top_row;
  view_.selected = 1098;
  EXPECT_THAT(drawn(), Contains(AllOf(StartsWith(">"), HasSubstr("1098"))));
  EXPECT_EQ(view_.top_row, at);
}

// All about one: sizes by how they are mapped, age and cost of the figures.
TEST_F(Wide, Detail) {
  view_.mode = View::Mode::kDetail;
  const auto lines = drawn();
  EXPECT_THAT(lines, Contains("redis-server (20), of www, 1 thread, 800M resident"));
  EXPECT_THAT(lines, Contains("read 3s ago, in 12.0 ms; waste 16M"));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("2M "), HasSubstr("300M"), HasSubstr("100M"))));
  view_.selected = 1;
  EXPECT_THAT(drawn(), Contains("its folios are not known: not read yet"));
}

// Plain text has all processes and all findings, and no line ends in blanks.
TEST_F(Wide, PlainText) {
  for (unsigned n = 2; n <= kPmdOrder; ++n) frame_.now.counts.sizes[Order(n)]["anon_fault_fallback"] += 1000;
  const auto lines = plain_lines(frame_, view_, 100);
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("! "); }), 8);
  EXPECT_THAT(lines, Contains(HasSubstr("worker")));
  EXPECT_THAT(lines, Not(Contains(StartsWith(">"))));
  for (const std::string& line : lines) EXPECT_FALSE(line.ends_with(' ')) << line;
}

// An ASCII terminal gets ASCII only, blocks are for others.
TEST_F(Wide, Glyphs) {
  view_.mode = View::Mode::kTable;
  for (const std::string& line : drawn())
    EXPECT_TRUE(std::ranges::all_of(line, [](unsigned char c) { return c < 0x80; })) << line;
  view_.glyphs = top::Glyphs::kUtf8;
  EXPECT_THAT(drawn(), Contains(HasSubstr("█")));
}

}  // namespace
}  // namespace quire::top
