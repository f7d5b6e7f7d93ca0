#include "record/hotness_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::record {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using trace::PageRun;
using trace::Written;

qr_accessed table(std::uint64_t base, std::uint64_t accessed, std::uint64_t dirty = 0, std::size_t word = 0) {
  qr_accessed r{};
  r.base = base;
  r.accessed[word] = accessed;
  r.dirty[word] = dirty;
  return r;
}

// Bits become runs, and a run ends where pages stop being dirty.
TEST(HotnessFold, BitsBecomeRuns) {
  HotnessFold fold;
  fold.add(table(0x200000, 0b1110111, 0b0000011));
  EXPECT_THAT(fold.take(), ElementsAre(PageRun{512, 2, Written::kYes}, PageRun{514, 1, Written::kNo},
                                       PageRun{516, 3, Written::kNo}));
}

// Pages at the end of one table and the beginning of the next are one run.
TEST(HotnessFold, RunsGoOnOverTables) {
  HotnessFold fold;
  fold.add(table(0x0, 1ULL << 63, 0, 7));
  fold.add(table(0x200000, 1));
  EXPECT_THAT(fold.take(), ElementsAre(PageRun{511, 2, Written::kNo}));
}

// A bit that stays set is told once a window; a page accessed later in the
// window, when it is.
TEST(HotnessFold, APageIsToldOnceAWindow) {
  HotnessFold fold;
  fold.add(table(0, 0b01));
  EXPECT_THAT(fold.take(), ElementsAre(PageRun{0, 1, Written::kNo}));
  fold.add(table(0, 0b11));
  EXPECT_THAT(fold.take(), ElementsAre(PageRun{1, 1, Written::kNo}));
  fold.cleared();
  fold.add(table(0, 0b01));
  EXPECT_THAT(fold.take(), ElementsAre(PageRun{0, 1, Written::kNo}));
}

// An entry that was removed and came back was accessed again.
TEST(HotnessFold, AnEntryThatCameBackIsToldAgain) {
  HotnessFold fold;
  fold.add(table(0, 1));
  EXPECT_FALSE(fold.take().empty());
  EXPECT_THAT(fold.take(), IsEmpty());
  fold.add(table(0, 1));
  EXPECT_FALSE(fold.take().empty());
}

// Tables out of order are torn, and runs still rise.
TEST(HotnessFold, TornTablesAreLeftOut) {
  HotnessFold fold;
  fold.add(table(0x400000, 1));
  fold.add(table(0x200000, 1));
  fold.add(table(~0ULL << 12, 1));
  EXPECT_THAT(fold.take(), ElementsAre(PageRun{1024, 1, Written::kNo}));
}

}  // namespace
}  // namespace quire::record
