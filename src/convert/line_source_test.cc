#include "convert/line_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "trace/test_recording.h"

namespace quire::convert {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> all(LineSource source) {
  std::vector<std::string> lines;
  while (const auto line = source.next()) lines.emplace_back(*line);
  return lines;
}

// Either line end, and a last line without any.
TEST(LineSource, GivesLinesWithoutTheirEnds) {
  EXPECT_THAT(all(LineSource::of_text("a\r\n\nb")), ElementsAre("a", "", "b"));
  EXPECT_THAT(all(LineSource::of_text("")), ElementsAre());
  EXPECT_THAT(all(LineSource::of_text("x\n")), ElementsAre("x"));
}

// A line without an end cannot ask for more memory than one line.
TEST(LineSource, CutsLinesThatAreTooLong) {
  const std::string text = std::string(LineSource::kMaxLine + 5, 'x') + "\nshort";
  EXPECT_THAT(all(LineSource::of_text(text)),
              ElementsAre(std::string(LineSource::kMaxLine, 'x'), "xxxxx", "short"));
}

// Lines that lie across the blocks a file is read in.
TEST(LineSource, ReadsAFileOfManyBlocks) {
  const trace::testing::TempDir folder;
  constexpr int kLines = 300'000;
  std::ofstream out(folder.file("t"));
  for (int i = 0; i < kLines; ++i) out << "line " << i << '\n';
  out.close();
  auto source = LineSource::open(folder.file("t"));
  ASSERT_TRUE(source);
  int n = 0;
  while (const auto line = source->next()) ASSERT_EQ(*line, "line " + std::to_string(n++));
  EXPECT_EQ(n, kLines);
  EXPECT_EQ(source->number(), kLines);
}

// What was looked at first is still given.
TEST(LineSource, PeeksWithoutTaking) {
  LineSource source = LineSource::of_text("a\nb\nc");
  EXPECT_THAT(source.peek(2), ElementsAre("a", "b"));
  EXPECT_THAT(all(std::move(source)), ElementsAre("a", "b", "c"));
}

// A file that is not there, and a folder.
TEST(LineSource, SaysWhyAFileCannotBeRead) {
  const auto missing = LineSource::open("/nonexistent/file");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().line(), ::testing::HasSubstr("No such file"));
  auto folder = LineSource::open("/");
  ASSERT_TRUE(folder);
  EXPECT_FALSE(folder->next());
  EXPECT_TRUE(folder->error().has_value());
}

}  // namespace
}  // namespace quire::convert
