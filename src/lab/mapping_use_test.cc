// What each mapping made of its memory, over the recordings that ship.
#include "lab/mapping_use.h"

#include <gtest/gtest.h>

#include <numeric>

#include "policy/parse.h"

namespace quire::lab {
namespace {

struct Answer {
  ReplayResult result;
  MemoryUse use;
};

Answer use_of(const std::string& recording, const char* words) {
  auto reader = trace::Reader::open(QUIRE_SOURCE_DIR "/traces/" + recording);
  EXPECT_TRUE(reader) << reader.error().line();
  const ReplayOptions options{.settings = *policy::parse_policy(words)};
  auto result = replay(*reader, options);
  EXPECT_TRUE(result) << result.error().line();
  auto use = memory_use(*reader, options, result->peak_event);
  EXPECT_TRUE(use) << use.error().line();
  return {std::move(*result), std::move(*use)};
}

ByteCount sum(const MemoryUse& use, ByteCount MappingUse::* field) {
  ByteCount total;
  for (const MappingUse& m : use.mappings) total += m.*field;
  return total;
}

constexpr auto kRecordings = {"python-dict.quire", "shell-children.quire", "sqlite.quire"};

// Every byte of a mapping is in a folio of the largest size, or has one reason.
TEST(MappingUse, EveryByteIsLargeOrHasAReason) {
  for (const char* const recording : kRecordings) {
    for (const char* const words : {"4K", "64K", "2M", "all"}) {
      const Answer a = use_of(recording, words);
      ASSERT_FALSE(a.use.mappings.empty());
      for (const MappingUse& m : a.use.mappings) {
        const ByteCount reasons = std::accumulate(m.not_huge.begin(), m.not_huge.end(), ByteCount());
        EXPECT_EQ(m.huge + reasons, m.resident) << recording << " " << words << " " << m.name;
        EXPECT_EQ(m.why(vm::NotHuge::kNothing), ByteCount());
        EXPECT_LE(m.stranded, m.resident);
        EXPECT_LE(m.never_touched, m.zero_filled) << "what nobody touched nobody wrote";
      }
    }
  }
}

// The mappings together hold the peak, but for the page cache, of which the whole
// of these recordings is what programs map of files.
TEST(MappingUse, AddsUpToThePeak) {
  for (const char* const words : {"4K", "64K", "2M"}) {
    const Answer a = use_of("python-dict.quire", words);
    EXPECT_EQ(sum(a.use, &MappingUse::never_touched), a.result.wasted_at_peak) << words;
    EXPECT_LE(sum(a.use, &MappingUse::resident), a.result.peak_resident) << words;
    EXPECT_GT(sum(a.use, &MappingUse::resident).raw(), a.result.peak_resident.raw() / 2) << words;
  }
}

// Small pages waste nothing and are small because the size is off.
TEST(MappingUse, SmallPagesWasteNothing) {
  const Answer a = use_of("python-dict.quire", "4K");
  EXPECT_EQ(a.use.largest, kOrderPmd);
  EXPECT_EQ(sum(a.use, &MappingUse::never_touched), ByteCount());
  EXPECT_EQ(sum(a.use, &MappingUse::stranded), ByteCount());
  const MappingUse& most = a.use.mappings.front();
  EXPECT_EQ(most.why(vm::NotHuge::kSizeOff), most.resident);
}

// The names are those of the recorded program.
TEST(MappingUse, NamesMappings) {
  const Answer a = use_of("python-dict.quire", "64K");
  bool heap = false;
  for (const MappingUse& m : a.use.mappings) {
    EXPECT_EQ(m.process, "python3");
    heap = heap || m.name == "[heap]";
  }
  EXPECT_TRUE(heap);
}

}  // namespace
}  // namespace quire::lab
