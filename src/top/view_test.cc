#include "top/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "top/testing_frame.h"

namespace quire::top {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ViewTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kPage = 2;
  Reaction press(Key key) { return top::press(view_, key, frame_, kPage); }
  Reaction type(const std::string& text) {
    Reaction last = Reaction::kNone;
    for (const char c : text) last = press({.kind = Key::Kind::kText, .text = static_cast<char32_t>(c)});
    return last;
  }
  Reaction function(unsigned number) { return press({.kind = Key::Kind::kFunction, .function = number}); }
  [[nodiscard]] std::vector<pid_t> shown() const {
    std::vector<pid_t> pids;
    for (const Row& row : rows_of(frame_, view_)) pids.push_back(row.process->stat.pid);
    return pids;
  }
  [[nodiscard]] pid_t selected() const {
    const auto rows = rows_of(frame_, view_);
    return rows.empty() ? 0 : rows[place_of(rows, view_)].process->stat.pid;
  }

  Frame frame_ = testing::frame();
  View view_;
};

TEST_F(ViewTest, LargestFirst) { EXPECT_THAT(shown(), ElementsAre(20, 300, 1)); }

// Every column sorts, in both directions; what is not known is last in both.
TEST_F(ViewTest, EveryColumnSorts) {
  for (const Column& column : columns()) {
    view_.sort = column.id;
    view_.reversed = View::Flag::kOff;
    EXPECT_EQ(shown().size(), 3U) << column.word;
  }
  view_.sort = ColumnId::kWaste;
  EXPECT_THAT(shown(), ElementsAre(20, 300, 1));
  view_.reversed = View::Flag::kOn;
  EXPECT_THAT(shown(), ElementsAre(300, 20, 1));
  view_.sort = ColumnId::kName;
  view_.reversed = View::Flag::kOff;
  EXPECT_THAT(shown(), ElementsAre(1, 20, 300));
}

// The menu, the neighbours, the letters.
TEST_F(ViewTest, KeysThatSort) {
  function(6);
  EXPECT_EQ(view_.mode, View::Mode::kSortMenu);
  press({Key::Kind::kHome});
  press({Key::Kind::kEnter});
  EXPECT_EQ(view_.sort, ColumnId::kPid);
  type(">");
  EXPECT_EQ(view_.sort, ColumnId::kUser);
  type("<<");
  EXPECT_EQ(view_.sort, ColumnId::kName);
  type("M");
  EXPECT_EQ(view_.sort, ColumnId::kRss);
  EXPECT_EQ(view_.reversed, View::Flag::kOff);
  type("M");
  EXPECT_EQ(view_.reversed, View::Flag::kOn);
  type("I");
  EXPECT_EQ(view_.reversed, View::Flag::kOff);
}

// The chosen process stays chosen when the order changes; at the top one stays at the top.
TEST_F(ViewTest, SelectionFollowsTheProcess) {
  press({Key::Kind::kDown});
  EXPECT_EQ(selected(), 300);
  type("N");
  EXPECT_EQ(selected(), 300);
  press({Key::Kind::kHome});
  EXPECT_EQ(selected(), 1);
  type("M");
  EXPECT_EQ(selected(), 20);
  press({Key::Kind::kEnd});
  EXPECT_EQ(selected(), 1);
  press({Key::Kind::kPageUp});
  EXPECT_EQ(selected(), 20);
  press({Key::Kind::kPageDown});
  press({Key::Kind::kDown});
  EXPECT_EQ(selected(), 1);
  frame_.processes.erase(frame_.processes.begin());  // it has ended
  EXPECT_EQ(selected(), 20);
}

// A filter works while it is typed, in any case; Esc ends it.
TEST_F(ViewTest, Filter) {
  type("\\");
  type("RED");
  EXPECT_THAT(shown(), ElementsAre(20));
  press({Key::Kind::kBackspace});
  type("x");
  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_EQ(selected(), 0);
  press({Key::Kind::kEscape});
  EXPECT_THAT(shown(), ElementsAre(20, 300, 1));
  function(4);
  type("300");
  press({Key::Kind::kEnter});
  EXPECT_THAT(shown(), ElementsAre(300));
  EXPECT_EQ(type("q"), Reaction::kQuit);
}

// A search moves to the match; F3 to the next one, and round.
TEST_F(ViewTest, Search) {
  type("/");
  type("i");
  EXPECT_EQ(selected(), 20);
  function(3);
  EXPECT_EQ(selected(), 1);
  function(3);
  EXPECT_EQ(selected(), 20);
  type("nit");
  EXPECT_EQ(selected(), 1);
  press({Key::Kind::kEnter});
  EXPECT_EQ(view_.mode, View::Mode::kTable);
}

TEST_F(ViewTest, OneUser) {
  type("u");
  press({Key::Kind::kDown});
  press({Key::Kind::kEnter});
  EXPECT_EQ(view_.user, "root");
  EXPECT_THAT(shown(), ElementsAre(1));
  press({Key::Kind::kEscape});
  EXPECT_EQ(shown().size(), 3U);
}

// Children below their parents; a parent that is not shown makes its children roots.
TEST_F(ViewTest, Tree) {
  frame_.processes.push_back(testing::process(21, 1, "other", 1_MiB));
  view_.glyphs = Glyphs::kAscii;
  function(5);
  std::vector<std::string> tree;
  for (const Row& row : rows_of(frame_, view_)) tree.push_back(row.branch + row.process->stat.name);
  EXPECT_THAT(tree, ElementsAre("init", "|- redis-server", "|  `- worker", "`- other"));
  view_.user = "www";
  EXPECT_EQ(rows_of(frame_, view_).front().branch, "");
}

// A chain of ten thousand processes is shown, and its branches stay short.
TEST_F(ViewTest, DeepTree) {
  frame_.processes.clear();
  for (pid_t pid = 1; pid <= 10'000; ++pid)
    frame_.processes.push_back(testing::process(pid, pid - 1, "sh", 1_MiB));
  type("t");
  const auto rows = rows_of(frame_, view_);
  ASSERT_EQ(rows.size(), 10'000U);
  EXPECT_LT(rows.back().branch.size(), 120U);
}

TEST_F(ViewTest, Interval) {
  EXPECT_EQ(type("+"), Reaction::kNewInterval);
  EXPECT_EQ(view_.interval, 4 * testing::kSecond);
  for (int i = 0; i < 100; ++i) type("-");
  EXPECT_EQ(view_.interval, kShortestInterval);
  for (int i = 0; i < 100; ++i) type("+");
  EXPECT_EQ(view_.interval, kLongestInterval);
}

TEST_F(ViewTest, OtherKeys) {
  EXPECT_EQ(function(10), Reaction::kQuit);
  EXPECT_EQ(type("r"), Reaction::kReadNow);
  EXPECT_EQ(type("x"), Reaction::kNone);
  type("cc");
  EXPECT_EQ(view_.span, Span::kSinceBoot);
  type("c a");
  EXPECT_EQ(view_.span, Span::kPerSecond);
  EXPECT_EQ(view_.paused, View::Flag::kOn);
  EXPECT_EQ(view_.all_sizes, View::Flag::kOn);
  type("?");
  EXPECT_EQ(view_.mode, View::Mode::kHelp);
  EXPECT_EQ(type("q"), Reaction::kDraw);
  press({Key::Kind::kEnter});
  EXPECT_EQ(view_.mode, View::Mode::kDetail);
  press({Key::Kind::kDown});
  EXPECT_EQ(view_.mode, View::Mode::kDetail);
  press({Key::Kind::kEscape});
  EXPECT_EQ(view_.mode, View::Mode::kTable);
}

// Nothing to choose from is no reason to fall over.
TEST_F(ViewTest, NoProcesses) {
  frame_.processes.clear();
  for (const auto kind : {Key::Kind::kUp, Key::Kind::kDown, Key::Kind::kEnd, Key::Kind::kPageDown})
    press({kind});
  type("/x");
  press({Key::Kind::kEnter});
  type("u");
  press({Key::Kind::kDown});
  EXPECT_EQ(press({Key::Kind::kEnter}), Reaction::kDraw);
}

}  // namespace
}  // namespace quire::top
