#include "trace/contents.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "trace/test_recording.h"

namespace quire::trace {
namespace {

using namespace testing;

// What was counted comes back.
TEST(Contents, SamplesComeBack) {
  ContentsSample sample = contents_sample();
  sample.mappings.push_back({.first_page = kPagesEnd - 1, .pages = 1, .kind = MappingKind::kFile});
  EXPECT_EQ(decode_contents(encode_contents(sample)).value(), sample);
}

// A unit that did not get smaller counts as a whole one, in the last bucket.
TEST(Contents, WhatDoesNotCompressIsKeptWhole) {
  UnitSizes sizes;
  sizes.add(4096, 4096);
  sizes.add(9000, 4096);
  sizes.add(256, 4096);
  sizes.add(257, 4096);
  EXPECT_EQ(sizes.units, 4U);
  EXPECT_EQ(sizes.stored_bytes, 4096U + 4096 + 256 + 257);
  EXPECT_EQ(sizes.sixteenths[15], 2U);
  EXPECT_EQ(sizes.sixteenths[0], 1U);
  EXPECT_EQ(sizes.sixteenths[1], 1U);
}

// Counts that contradict each other are damage: more pages looked at than
// there are, buckets that are not as many as the units.
TEST(Contents, CountsThatContradictAreDamage) {
  ContentsSample sample = contents_sample();
  sample.mappings[0].sampled = sample.mappings[0].present + 1;
  EXPECT_EQ(decode_contents(encode_contents(sample)).error(), ContentsFault::kDamaged);
  sample = contents_sample();
  ++sample.mappings[0].of(ContentsCodec::kZstd, 0).sixteenths[3];
  EXPECT_EQ(decode_contents(encode_contents(sample)).error(), ContentsFault::kDamaged);
  auto cut = encode_contents(contents_sample());
  cut.pop_back();
  EXPECT_EQ(decode_contents(cut).error(), ContentsFault::kDamaged);
}

// A layout of a later version is skipped, with a note, and nothing else is lost.
TEST(Contents, ALaterLayoutIsSkipped) {
  auto bytes = encode_contents(contents_sample());
  bytes[0] = std::byte{2};
  EXPECT_EQ(decode_contents(bytes).error(), ContentsFault::kNewer);

  const TempDir dir;
  auto writer = Writer::create(dir.file("r"), full_header()).value();
  for (const Event& event : small_run()) ASSERT_TRUE(writer.append(event).has_value());
  ASSERT_TRUE(writer.append_contents(contents_sample()).has_value());
  ASSERT_TRUE(writer.append(touch(1, 2, 0x1000, 99)).has_value());
  ASSERT_TRUE(writer.finish(full_summary()).has_value());
  auto reader = Reader::open(dir.file("r")).value();
  EXPECT_EQ(reader.contents(), std::vector{contents_sample()});
  EXPECT_EQ(read_all(reader).events.size(), small_run().size() + 1);
}

RC_GTEST_PROP(ContentsProp, NoBytesAreBelievedThatDoNotComeBack, (const std::vector<std::uint8_t>& noise)) {
  std::vector<std::byte> bytes{std::byte{1}};
  for (const std::uint8_t b : noise) bytes.push_back(std::byte{b});
  const auto sample = decode_contents(bytes);
  if (sample) RC_ASSERT(decode_contents(encode_contents(*sample)).value() == *sample);
}

}  // namespace
}  // namespace quire::trace
