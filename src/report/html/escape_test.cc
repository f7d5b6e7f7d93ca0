#include "report/html/escape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quire::report {
namespace {

using testing::HasSubstr;
using testing::Not;

// Nothing that is markup, or ends a quoted attribute, is left.
TEST(HtmlEscape, Markup) {
  EXPECT_EQ(html_escape("<b title=\"x\" id='y'>&</b>"),
            "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/b&gt;");
}

// What hides text or turns it round is shown instead of done.
TEST(HtmlEscape, WhatCannotBeSeen) {
  EXPECT_EQ(html_escape("a\x1b[31m"), "a\\x1b[31m");
  EXPECT_EQ(html_escape("a\xe2\x80\xae"
                        "b"),
            "a\\u{202e}b");
  EXPECT_EQ(html_escape("\xff"), "\\xff");
}

// Names in a RUN are escaped once already: a backslash stays one.
TEST(Visible, BackslashesStay) {
  EXPECT_EQ(visible("\\x1b and \\\\"), "\\x1b and \\\\");
  EXPECT_EQ(visible("\\\x1b"), "\\\\x1b");
  EXPECT_EQ(visible("grün"), "grün");
}

// Lines stay lines.
TEST(HtmlEscapeLines, KeepsThem) { EXPECT_EQ(html_escape_lines("a<\nb\n"), "a&lt;\nb\n"); }

// Data cannot end the script it stands in, nor begin a comment there, and means the same.
TEST(ScriptJson, StaysInside) {
  const nlohmann::ordered_json data{{"name", "</script><!--&\xe2\x80\xa8\xff"}};
  const std::string text = script_json(data);
  EXPECT_THAT(text, Not(HasSubstr("<")));
  EXPECT_THAT(text, Not(HasSubstr(">")));
  EXPECT_THAT(text, Not(HasSubstr("&")));
  EXPECT_THAT(text, HasSubstr("\\u2028"));
  EXPECT_EQ(nlohmann::json::parse(text)["name"], "</script><!--&\xe2\x80\xa8\xef\xbf\xbd");
}

// A name cannot add a command to a line that is pasted.
TEST(ShellWord, IsOneWord) {
  EXPECT_EQ(shell_word("traces/a-b_1.quire"), "traces/a-b_1.quire");
  EXPECT_EQ(shell_word("x; rm -rf ~"), "'x; rm -rf ~'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

// Characters are counted, not bytes.
TEST(Shortened, ByCharacters) {
  EXPECT_EQ(shortened("grün", 4), "grün");
  EXPECT_EQ(shortened("grüne", 4), "grü…");
}

}  // namespace
}  // namespace quire::report
