#include "report/folio_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quire::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// 64 KiB of a mapping in one folio of 64K, 48 KiB in single pages.
live::MappingFolios mapping() {
  live::MappingFolios folios;
  folios.mapping = {.range = {VirtAddr(0x7f0000000000), VirtAddr(0x7f0000100000)},
                    .permissions = "rw-p",
                    .offset = 0x2000,
                    .major = 0xfe,
                    .minor = 1,
                    .inode = 77,
                    .name = "bad\x1b[1m\tname",
                    .smaps = {{"Rss", 112_KiB}}};
  folios.counts.anon.aligned[4] = PageCount(16);
  folios.counts.anon.single = PageCount(12);
  folios.counts.anon.blocks[3] = PageCount(16);
  folios.counts.zero = PageCount(2);
  return folios;
}

// The mapping in one line as maps has it, its name escaped; below it what is not 0,
// with its part of all anonymous memory.
TEST(FolioMapReport, TextOfAMapping) {
  EXPECT_EQ(
      mapping_text(42, mapping(), {.blocks = OrderSet::of(Order(3))}),
      "0000000042: 00007f0000000000-00007f0000100000 rw-p 00002000 fe:01 00000077 bad\\x1b[1m\\x09name\n"
      "Rss:                                       112 kB\n"
      "anon-total:                                112 kB\n"
      "anon-page-4kB:                              48 kB ( 43%)\n"
      "anon-thp-pte-aligned-64kB:                  64 kB ( 57%)\n"
      "anon-cont-pte-aligned-32kB:                 64 kB ( 57%)\n"
      "zero-page:                                   8 kB\n");
}

// Empty figures on demand; blocks only of the sizes that were counted.
TEST(FolioMapReport, EmptyFiguresOnDemand) {
  const std::string text = mapping_text(42, mapping(), {.blocks = {}, .empty = FolioMapShape::Empty::kShow});
  EXPECT_THAT(text, HasSubstr("anon-thp-pmd-aligned-2048kB:                 0 kB (  0%)\n"));
  EXPECT_THAT(text, HasSubstr("file-thp-pte-partial-64kB:                   0 kB\n"));
  EXPECT_THAT(text, Not(HasSubstr("cont")));
}

// A rollup is the sum, also of what smaps says; fields that only one has are kept.
TEST(FolioMapReport, RollupIsTheSum) {
  live::MappingFolios other = mapping();
  other.mapping.smaps = {{"Pss", 4_KiB}, {"Rss", 8_KiB}};
  Rollup rollup;
  rollup.add(mapping());
  rollup.add(other);
  const auto json = rollup_json(rollup, {});
  EXPECT_EQ(json["anon"]["total_bytes"], 2 * 112 * 1024);
  EXPECT_EQ(json["anon"]["pte_aligned_bytes"]["64kB"], 2 * 64 * 1024);
  EXPECT_EQ(json["smaps_bytes"]["Rss"], 120 * 1024);
  EXPECT_EQ(json["smaps_bytes"]["Pss"], 4 * 1024);
}

// JSON has every figure, also those that are 0, as a number of bytes.
TEST(FolioMapReport, JsonOfAProcess) {
  const auto json = process_json({42, "evil\x1b", {mapping()}}, {.blocks = OrderSet::of(Order(3))});
  EXPECT_EQ(json["pid"], 42);
  EXPECT_EQ(json["name"], "evil\\x1b");
  const auto& first = json["mappings"][0];
  EXPECT_EQ(first["start"], 0x7f0000000000);
  EXPECT_EQ(first["device"], "fe:01");
  EXPECT_EQ(first["anon"]["pmd_bytes"], 0);
  EXPECT_EQ(first["anon"]["cont_pte_bytes"]["32kB"], 64 * 1024);
  EXPECT_EQ(first["zero_page_bytes"], 8 * 1024);
  EXPECT_EQ(first["file"]["pte_partial_bytes"].size(), kPmdOrder);
}

}  // namespace
}  // namespace quire::report
