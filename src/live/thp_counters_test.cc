#include "live/thp_counters.h"

#include <gtest/gtest.h>

#include "live/fake_tree.h"

namespace quire::live {
namespace {

namespace fs = std::filesystem;

class FakeHost {
 public:
  void set(const std::string& file, const std::string& text) const {
    fs::create_directories((root() / file).parent_path());
    std::ofstream(root() / file) << text;
  }
  void set_thp(const std::string& file, const std::string& text) const {
    set("sys/kernel/mm/transparent_hugepage/" + file, text);
  }
  [[nodiscard]] const fs::path& root() const { return folder_.path(); }

 private:
  testing::TempFolder folder_;
};

// Sizes, khugepaged and events, each under the kernel's name; settings and
// foreign events are none.
TEST(ThpCounters, ReadsAllGroups) {
  const FakeHost host;
  host.set_thp("hugepages-64kB/stats/anon_fault_alloc", "5\n");
  host.set_thp("hugepages-64kB/enabled", "always inherit madvise [never]\n");
  host.set_thp("khugepaged/pages_collapsed", "9\n");
  host.set_thp("khugepaged/pages_to_scan", "4096\n");
  host.set("proc/vmstat", "nr_free_pages 1\nthp_split_pmd 4\ncompact_stall 2\n");
  const ThpCounts wanted{.sizes = {{Order(4), {{"anon_fault_alloc", 5}}}},
                         .khugepaged = {{"pages_collapsed", 9}},
                         .events = {{"thp_split_pmd", 4}, {"compact_stall", 2}}};
  EXPECT_EQ(ThpCounters(host.root()).read(), wanted);
}

// A kernel without large folios has no counters, and that is no error.
TEST(ThpCounters, NothingThere) { EXPECT_EQ(ThpCounters("/nowhere").read(), ThpCounts{}); }

// A page that this test touches is a fault of this host.
TEST(ThpCounters, OfThisHostMove) {
  ThpCounters counters;
  const std::int64_t before = count_of(counters.read().events, "pgfault");
  const std::string touched(1 << 20, 'x');
  EXPECT_GT(count_of(counters.read().events, "pgfault"), before) << touched.size();
}

TEST(ThpCounters, MissingCountIsZero) { EXPECT_EQ(count_of({{"a", 3}}, "b"), 0); }

}  // namespace
}  // namespace quire::live
