#include "live/counter_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class CounterReaderTest : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() / name) << text;
    return folder_.path() / name;
  }

 private:
  testing::TempFolder folder_;
};

// Files come first, then events, each in the order they were added; both move.
TEST_F(CounterReaderTest, ReadsAgain) {
  const fs::path vmstat = file("vmstat", "pgfault 7\nthp_split_page_failed 2\nthp_split_page 3\n");
  CounterReader reader(vmstat);
  EXPECT_TRUE(reader.add_event("thp_split_page"));
  EXPECT_TRUE(reader.add_file(file("nr_anon", "12\n")));
  EXPECT_TRUE(reader.add_event("pgfault"));
  EXPECT_THAT(reader.read(), ElementsAre(12, 3, 7));
  (void)file("nr_anon", "13\n");
  EXPECT_THAT(reader.read(), ElementsAre(13, 3, 7));
}

// What this kernel does not have is not added.
TEST_F(CounterReaderTest, LeavesOutWhatIsMissing) {
  CounterReader reader(file("vmstat", "thp_split_page_failed 2\n"));
  EXPECT_FALSE(reader.add_event("thp_split_page"));
  EXPECT_FALSE(reader.add_event("page_failed"));
  EXPECT_FALSE(reader.add_file("/nowhere"));
  EXPECT_TRUE(reader.read().empty());
}

TEST_F(CounterReaderTest, NamesTheEvents) {
  EXPECT_THAT(CounterReader(file("vmstat", "a 1\nno number\nb 2")).event_names(),
              ElementsAre("a", "no", "b"));
  EXPECT_TRUE(CounterReader("/nowhere").event_names().empty());
}

}  // namespace
}  // namespace quire::live
