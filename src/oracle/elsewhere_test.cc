#include "oracle/elsewhere.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "oracle/run.h"

namespace quire::litmus {
namespace {

class Elsewhere : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string name = testing::TempDir() + "elsewhere.litmus";
    std::ofstream(name) << text;
    return name;
  }
};

// A file that names an architecture is run by that one's engine, whatever its
// pages; sizes are those of its pages.
TEST_F(Elsewhere, TheFileChooses) {
  auto runner = Runner::open(On::kEngine);
  ASSERT_TRUE(runner);
  const auto verdict =
      runner->run(write("arch arm64-64k\nset 512K always\nmap A 1M\nwrite A+0\n  picture A a*8 .*8\n"));
  ASSERT_TRUE(verdict) << verdict.error().line();
  EXPECT_EQ(verdict->kind, Verdict::Kind::kHolds) << to_text(*verdict, Layout::kShow);
  EXPECT_NE(to_text(*verdict, Layout::kShow).find("a*8"), std::string::npos);
}

// What does not hold there fails here, with its line.
TEST_F(Elsewhere, FindingsComeBack) {
  const auto verdict = ask_elsewhere("arm64", write("map A 64K\nwrite A+0\n  expect A present\n"));
  ASSERT_TRUE(verdict) << verdict.error().line();
  EXPECT_EQ(verdict->kind, Verdict::Kind::kFails);
  ASSERT_EQ(verdict->findings.size(), 1U);
  EXPECT_EQ(verdict->findings.front().where.line, 3U);
}

// What that engine says of a bad file is said here.
TEST_F(Elsewhere, RefusalsComeBack) {
  const auto verdict = ask_elsewhere("arm64-16k", write("set 16K madvise\n"));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().kind, Diagnostic::Kind::kDamagedInput);
  EXPECT_NE(
      verdict.error().line().find("elsewhere.litmus:1:5: no size of anonymous memory, expected 64K to 32M"),
      std::string::npos)
      << verdict.error().line();
  EXPECT_FALSE(ask_elsewhere("vax", write("map A 4K\n")));
}

}  // namespace
}  // namespace quire::litmus
