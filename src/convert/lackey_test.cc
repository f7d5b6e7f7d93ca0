#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convert/testing_import.h"

namespace quire::convert {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using trace::Kind;
using trace::TouchBits;
using trace::VmaBits;

testing::Imported lackey(std::string_view text, Lines lines = Lines::kAllMustFit) {
  return testing::import_text(Format::kLackey, text, lines);
}

// A page is kept when it is first used, and again when it is first written after
// a read; an access across two pages is two.
TEST(Lackey, KeepsFirstTouchesAndFirstWrites) {
  const auto imported =
      lackey(" L 00005000,8\n L 00005010,8\n S 00005020,8\n S 00005020,8\n M 00006ffc,8\n L 00006000,4\n");
  const auto touches = imported.of(Kind::kTouch);
  ASSERT_EQ(touches.size(), 4U);
  EXPECT_EQ(touches[0].flags, 0);
  EXPECT_EQ(touches[1].flags, TouchBits::kWrite | TouchBits::kPresent);
  EXPECT_EQ(touches[1].addr.raw(), 0x5020U);
  EXPECT_EQ(touches[2].addr.raw(), 0x6ffcU);
  EXPECT_EQ(touches[3].addr.raw(), 0x7000U);
  EXPECT_EQ(touches[3].flags, TouchBits::kWrite);
}

// No mapping is invented: each run of touched pages is one, those that nobody
// wrote a file's.
//
//    page   4  5  6  7  8  9
//           X  L     S  S  L
//           file     anon  file
TEST(Lackey, DerivesMappingsFromTouchedPages) {
  const auto imported = lackey("I  00004000,4\n L 00005000,4\n S 00007000,4\n S 00008000,4\n L 00009000,4\n");
  const auto maps = imported.of(Kind::kVma);
  ASSERT_EQ(maps.size(), 3U);
  const auto place = [&](std::size_t i) { return std::pair(maps[i].args[0], maps[i].args[1]); };
  EXPECT_EQ(place(0), std::pair(0x4000UL, 0x6000UL));
  EXPECT_EQ(maps[0].args[2], VmaBits::kRead | VmaBits::kExec);
  EXPECT_EQ(maps[0].file, 1U);
  EXPECT_EQ(place(1), std::pair(0x7000UL, 0x9000UL));
  EXPECT_EQ(maps[1].args[2], VmaBits::kRead | VmaBits::kWrite);
  EXPECT_EQ(maps[1].file, 0U);
  EXPECT_EQ(place(2), std::pair(0x9000UL, 0xa000UL));
  EXPECT_EQ(maps[2].args[3], 2U);  // behind the file's first two pages
  EXPECT_EQ(imported.of(Kind::kFile)[0].args[2], 3U * 4096);
  EXPECT_THAT(imported.findings->header.lacks, Contains(HasSubstr("each run of touched pages")));
}

// A real trace: workloads/import_sample.c under valgrind 3.19.
TEST(Lackey, ReadsARealTrace) {
  const auto imported = lackey(testing::sample(QUIRE_SOURCE_DIR "/tests/corpus/lackey/small"));
  ASSERT_TRUE(imported.findings) << imported.wrong->line();
  EXPECT_THAT(imported.findings->header.argv, ElementsAre("/srv/small"));
  EXPECT_EQ(imported.findings->summary.min_flt, 0U);  // it counts no faults
  std::uint64_t written = 0;
  for (const auto& touch : imported.of(Kind::kTouch))
    written += (touch.flags & TouchBits::kWrite) != 0 ? 1 : 0;
  EXPECT_EQ(written, 64U + 1 + 1);  // the pages of 256 KiB, one of the heap, one of the stack
}

// A forked child writes into the same trace, and no line says whose it is.
TEST(Lackey, NoticesASecondProcess) {
  const auto imported = lackey("==7== Command: a b  c\n S 00005000,8\n==8== \n");
  EXPECT_THAT(imported.findings->header.argv, ElementsAre("a", "b", "c"));
  EXPECT_THAT(imported.findings->header.lacks, Contains(HasSubstr("several wrote")));
}

// What is wrong, and where; the program's own output can be left out.
TEST(Lackey, SaysWhichLineDoesNotFit) {
  EXPECT_THAT(lackey(" S 5000,8\nhello\n").wrong->line(), HasSubstr("text:2: expected I, L, S or M"));
  EXPECT_THAT(lackey(" S 5000,0\n").wrong->line(), HasSubstr("size of 1"));
  EXPECT_THAT(lackey(" S ffffffffffffffff,8\n").wrong->line(), HasSubstr("address of a program"));
  EXPECT_THAT(lackey(" S 5000,8 \n").wrong->line(), HasSubstr("expected I, L"));
  EXPECT_THAT(lackey("==7== Lackey\n").wrong->line(), HasSubstr("no access in it"));
  EXPECT_EQ(lackey("hello\n S 5000,8\n", Lines::kSkipBad).tally->skipped, 1U);
}

}  // namespace
}  // namespace quire::convert
