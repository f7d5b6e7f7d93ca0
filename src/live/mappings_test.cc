#include "live/mappings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace quire::live {
namespace {

// A line of maps, with a name that has spaces, and one without a name.
TEST(Mappings, ReadsMaps) {
  const auto mappings = parse_mappings(
      "7f12a000-7f12c000 rw-p 00002000 fe:1a 247498                     /tmp/a b\\012c (deleted)\n"
      "7ffe0000-7ffe1000 ---s 00000000 00:00 0 \n");
  ASSERT_TRUE(mappings) << mappings.error().line();
  ASSERT_EQ(mappings->size(), 2U);
  EXPECT_EQ((*mappings)[0], (Mapping{.range = {VirtAddr(0x7f12a000), VirtAddr(0x7f12c000)},
                                     .permissions = "rw-p",
                                     .offset = 0x2000,
                                     .major = 0xfe,
                                     .minor = 0x1a,
                                     .inode = 247498,
                                     .name = "/tmp/a b\\012c (deleted)",
                                     .smaps = {}}));
  EXPECT_EQ((*mappings)[1].permissions, "---s");
  EXPECT_EQ((*mappings)[1].name, "");
}

// The fields of smaps belong to the mapping above; what is no size is left out.
TEST(Mappings, ReadsSmaps) {
  const auto mappings = parse_mappings(
      "1000-3000 r--p 00000000 00:00 0 [heap]\n"
      "Size:                  8 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
      "Rss:                   4 kB\nTHPeligible:           0\nVmFlags: rd mr mw me \n"
      "3000-4000 r--p 00000000 00:00 0\nRss:                   0 kB\n");
  ASSERT_TRUE(mappings) << mappings.error().line();
  ASSERT_EQ(mappings->size(), 2U);
  using Smaps = std::vector<std::pair<std::string, ByteCount>>;
  EXPECT_EQ((*mappings)[0].smaps, (Smaps{{"Size", 8_KiB}, {"Rss", 4_KiB}}));
  EXPECT_EQ((*mappings)[1].smaps, (Smaps{{"Rss", ByteCount(0)}}));
}

// Something else is refused, with the line.
TEST(Mappings, RefusesOtherText) {
  for (const char* text :
       {"hello\n", "1000-3000\n", "3000-1000 r--p 0 00:00 0\n", "1001-3000 r--p 0 00:00 0\n",
        "1000-3000 r-p 0 00:00 0\n", "1000-3000 r--p 0 00:00 x\n", "Rss: 4 kB\n",
        "1000-3000 r--p 0 00:00 0\nRss: four kB\n", "\n", "10000000000000000000-3 r--p 0 00:00 0\n"}) {
    const auto mappings = parse_mappings(text);
    ASSERT_FALSE(mappings) << text;
    EXPECT_EQ(mappings.error().where.substr(0, 5), "line ") << text;
  }
  EXPECT_TRUE(parse_mappings("")->empty());
}

// This process has its own code mapped, under both names of the file.
TEST(Mappings, OfThisProcess) {
  const VirtAddr here(reinterpret_cast<std::uint64_t>(&parse_mappings));
  for (const MappingsFile file : {MappingsFile::kMaps, MappingsFile::kSmaps}) {
    const auto mappings = read_mappings(::getpid(), file);
    ASSERT_TRUE(mappings) << mappings.error().line();
    const auto found =
        std::ranges::find_if(*mappings, [here](const Mapping& m) { return m.range.contains(here); });
    ASSERT_NE(found, mappings->end());
    EXPECT_EQ(found->permissions[2], 'x');
    EXPECT_EQ(found->smaps.empty(), file == MappingsFile::kMaps);
  }
}

}  // namespace
}  // namespace quire::live
