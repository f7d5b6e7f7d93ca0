#include "trace/reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "trace/chunk.h"
#include "trace/test_recording.h"

namespace quire::trace {
namespace {

using namespace testing;

constexpr auto kDamaged = Diagnostic::Kind::kDamagedInput;

std::vector<std::byte> sample(std::size_t per_chunk = 5) {
  return recording_bytes(small_run(), full_summary(), per_chunk);
}

// Where the chunks of a sound recording begin.
std::vector<std::size_t> chunk_offsets(const std::vector<std::byte>& bytes) {
  std::vector<std::size_t> offsets;
  for (std::size_t at = kPreambleSize; at < bytes.size();) {
    offsets.push_back(at);
    at += kChunkHeaderSize + load_u32(&bytes[at + 8]);
  }
  return offsets;
}

void append_chunk(std::vector<std::byte>& bytes, std::uint8_t type, std::uint32_t index,
                  std::string_view payload) {
  ChunkPacker packer;
  const auto chunk = packer.pack(static_cast<ChunkType>(type), index, 0, std::as_bytes(std::span(payload)));
  bytes.insert(bytes.end(), chunk.begin(), chunk.end());
}

// Header, summary and events of a finished recording, across many chunks.
TEST(Reader, GivesBackWhatWasWritten) {
  for (const std::size_t per_chunk : {1U, 2U, 5U, 1000U}) {
    auto reader = Reader::from_bytes(sample(per_chunk));
    ASSERT_TRUE(reader.has_value());
    EXPECT_EQ(reader->header(), full_header());
    Summary expected = full_summary();
    expected.events = small_run().size();
    EXPECT_EQ(reader->summary(), expected);
    EXPECT_FALSE(reader->truncated());
    EXPECT_TRUE(reader->notes().empty());
    EXPECT_EQ(read_all(*reader).events, small_run());
  }
}

// More events than one chunk holds by itself, over and over.
TEST(Reader, ReadsManyChunksAndRewinds) {
  std::vector<Event> events;
  for (std::uint64_t i = 0; i < 400'000; ++i) events.push_back(touch(1, 1, i * 4096 * 37 + i % 4096, i * 3));
  const auto bytes = recording_bytes(events, full_summary());
  EXPECT_GT(chunk_offsets(bytes).size(), 4U);
  auto reader = Reader::from_bytes(bytes);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(read_all(*reader).events, events);
  Event event;
  EXPECT_FALSE(reader->next(event).value());
  ASSERT_TRUE(reader->rewind().has_value());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(reader->next(event).value());
  ASSERT_TRUE(reader->rewind().has_value());
  EXPECT_EQ(read_all(*reader).events, events);
}

// A file and the same bytes in memory read alike and hash alike; another file
// hashes otherwise.
TEST(Reader, FilesAndMemoryAgree) {
  const TempDir dir;
  const auto bytes = sample();
  put_bytes(dir.file("r"), bytes);
  auto file = Reader::open(dir.file("r"));
  auto memory = Reader::from_bytes(bytes);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(read_all(*file).events, read_all(*memory).events);
  EXPECT_EQ(file->file_size(), ByteCount(bytes.size()));
  EXPECT_EQ(file->content_hash(), memory->content_hash());
  EXPECT_EQ(file->content_hash(), hash_bytes(bytes));
  EXPECT_NE(Reader::from_bytes(sample(4))->content_hash(), file->content_hash());
}

// Cut at every offset: a Diagnostic, or the events of the whole chunks and no
// more, marked as truncated.
TEST(Reader, EveryTruncationIsFewerEventsOrADiagnostic) {
  const auto bytes = sample();
  const auto offsets = chunk_offsets(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto reader = Reader::from_bytes(std::span(bytes).first(size));
    if (size < offsets[1]) {
      ASSERT_FALSE(reader.has_value()) << size;
      EXPECT_EQ(reader.error().kind, kDamaged);
      continue;
    }
    ASSERT_TRUE(reader.has_value()) << size;
    EXPECT_TRUE(reader->truncated());
    EXPECT_FALSE(reader->notes().empty());
    const ReadBack back = read_all(*reader);
    EXPECT_FALSE(back.diagnostic.has_value()) << size;
    const auto whole =
        static_cast<std::size_t>(std::ranges::upper_bound(offsets, size) - offsets.begin()) - 2;
    EXPECT_EQ(back.events.size(), std::min(whole * 5, small_run().size())) << size;
    EXPECT_TRUE(std::equal(back.events.begin(), back.events.end(), small_run().begin()));
  }
}

// Every single flipped bit is noticed, and what is given before is true.
TEST(Reader, EveryFlippedBitIsNoticed) {
  const auto sound = sample();
  const auto events = small_run();
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    auto bytes = sound;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    auto reader = Reader::from_bytes(bytes);
    if (!reader) {
      EXPECT_EQ(reader.error().kind, kDamaged) << bit;
      continue;
    }
    const ReadBack back = read_all(*reader);
    ASSERT_TRUE(back.diagnostic.has_value()) << "bit " << bit << " went unnoticed";
    EXPECT_EQ(back.diagnostic->kind, kDamaged);
    ASSERT_LE(back.events.size(), events.size());
    EXPECT_TRUE(std::equal(back.events.begin(), back.events.end(), events.begin())) << bit;
  }
}

// Damage in the middle names the offset of its chunk, gives what stands
// before, and goes on saying so.
TEST(Reader, DamageInTheMiddleNamesItsOffset) {
  auto bytes = sample();
  const std::size_t third = chunk_offsets(bytes)[3];
  bytes[third + kChunkHeaderSize + 3] ^= std::byte{0x10};
  auto reader = Reader::from_bytes(bytes);
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE(reader->summary().has_value());
  const ReadBack back = read_all(*reader);
  EXPECT_EQ(back.events.size(), 10U);
  ASSERT_TRUE(back.diagnostic.has_value());
  EXPECT_NE(back.diagnostic->where.find("offset " + std::to_string(third)), std::string::npos);
  Event event;
  EXPECT_FALSE(reader->next(event).has_value());
}

// A chunk taken out, and two that changed places, are noticed.
TEST(Reader, MissingAndSwappedChunksAreNoticed) {
  const auto bytes = sample();
  const auto at = chunk_offsets(bytes);
  const auto part = [&](std::size_t i) { return std::span(bytes).subspan(at[i], at[i + 1] - at[i]); };
  std::vector<std::byte> missing(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at[1]));
  std::vector<std::byte> swapped = missing;
  missing.insert(missing.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at[2]), bytes.end());
  swapped.insert(swapped.end(), part(2).begin(), part(2).end());
  swapped.insert(swapped.end(), part(1).begin(), part(1).end());
  for (const auto& wrong : {missing, swapped}) {
    auto reader = Reader::from_bytes(wrong);
    ASSERT_TRUE(reader.has_value());
    const ReadBack back = read_all(*reader);
    ASSERT_TRUE(back.diagnostic.has_value());
    EXPECT_NE(back.diagnostic->what.find("stands where chunk"), std::string::npos) << back.diagnostic->what;
  }
}

// A recording of a later version is refused in one line that says so.
TEST(Reader, ANewerVersionIsTooNew) {
  auto bytes = sample();
  std::ranges::copy(encode_preamble(kFormatVersion + 1), bytes.begin());
  const auto reader = Reader::from_bytes(bytes);
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().kind, kDamaged);
  EXPECT_NE(reader.error().line().find("too new: format version 3"), std::string::npos)
      << reader.error().line();
}

// A chunk of a skippable type from a later version is skipped and mentioned;
// one that may not be skipped is not.
TEST(Reader, UnknownChunksAreSkippedOnlyWhenTheyMayBe) {
  auto bytes = recording_bytes(small_run(), std::nullopt);
  append_chunk(bytes, kFirstSkippable, 2, "from the future");
  auto reader = Reader::from_bytes(bytes);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(read_all(*reader).events, small_run());
  EXPECT_NE(reader->notes().back().find("1 chunks of a newer version"), std::string::npos);
  append_chunk(bytes, 5, 3, "essential");
  auto refused = Reader::from_bytes(bytes);
  EXPECT_TRUE(read_all(*refused).diagnostic.has_value());
}

// The order of chunks is fixed: a second header or summary, events behind the
// summary and a gate before it are damage.
TEST(Reader, ChunksOutOfPlaceAreDamage) {
  for (const ChunkType type : {ChunkType::kHeader, ChunkType::kGate}) {
    auto bytes = recording_bytes(small_run(), std::nullopt);
    append_chunk(bytes, static_cast<std::uint8_t>(type), 2, "{}");
    auto reader = Reader::from_bytes(bytes);
    EXPECT_TRUE(read_all(*reader).diagnostic.has_value());
  }
  for (const ChunkType type : {ChunkType::kSummary, ChunkType::kEvents}) {
    auto bytes = recording_bytes(small_run(), full_summary());
    append_chunk(bytes, static_cast<std::uint8_t>(type), 3, "{}");
    auto reader = Reader::from_bytes(bytes);
    EXPECT_TRUE(read_all(*reader).diagnostic.has_value());
  }
}

// Sizes beyond the limits are refused from the chunk's header alone.
TEST(Reader, ImpossibleSizesAreRefused) {
  const auto fault = [](ChunkHeader header) {
    ChunkHeader read;
    return decode_chunk_header(encode_chunk_header(header), read);
  };
  const ChunkHeader sound{
      .type = 2, .codec = Codec::kZstd, .stored_bytes = 100, .raw_bytes = 1000, .records = 9};
  EXPECT_EQ(fault(sound), ChunkFault::kNone);
  ChunkHeader header = sound;
  header.raw_bytes = kMaxRawBytes + 1;
  EXPECT_EQ(fault(header), ChunkFault::kTooLarge);
  header = sound;
  header.stored_bytes = ~0U;
  EXPECT_EQ(fault(header), ChunkFault::kTooLarge);
  header = sound;
  header.raw_bytes = kMaxRawBytes;
  EXPECT_EQ(fault(header), ChunkFault::kTooDense);
  header = sound;
  header.records = 1001;
  EXPECT_EQ(fault(header), ChunkFault::kRecords);
  header = sound;
  header.codec = Codec::kStored;
  EXPECT_EQ(fault(header), ChunkFault::kCodec);
  header.codec = static_cast<Codec>(7);
  EXPECT_EQ(fault(header), ChunkFault::kCodec);
}

// What compresses beyond the believed ratio is stored as it is, so that our
// own files are always accepted.
TEST(Reader, OurOwnDensestFileIsAccepted) {
  const TempDir dir;
  Header header = full_header();
  header.envp.assign(1, "X=" + std::string(6U << 20, 'a'));
  write_recording(dir.file("r"), header, {}, full_summary());
  const auto reader = Reader::open(dir.file("r"));
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->header(), header);
}

// A summary that counts other events than the file holds is damage.
TEST(Reader, TheSummaryMustCountTheEvents) {
  const auto bytes = recording_bytes(small_run(), full_summary(), 1'000'000);
  const auto at = chunk_offsets(bytes);
  std::vector<std::byte> less(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at[1]));
  // The summary alone, renumbered to follow the header.
  ChunkHeader header;
  const auto bytes_of_header = std::span(bytes).subspan(at[2]).first<kChunkHeaderSize>();
  ASSERT_EQ(decode_chunk_header(bytes_of_header, header), ChunkFault::kNone);
  header.index = 1;
  std::ranges::copy(encode_chunk_header(header), std::back_inserter(less));
  less.insert(less.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at[2] + kChunkHeaderSize), bytes.end());
  auto reader = Reader::from_bytes(less);
  ASSERT_TRUE(reader.has_value());
  const ReadBack back = read_all(*reader);
  ASSERT_TRUE(back.diagnostic.has_value());
  EXPECT_NE(back.diagnostic->what.find("its summary counts 19"), std::string::npos) << back.diagnostic->what;
}

// Files that are not recordings say so; a fifo does not hang the reader.
TEST(Reader, WhatIsNotARecordingSaysSo) {
  const TempDir dir;
  put_bytes(dir.file("empty"), {});
  const std::string text = "#!/bin/sh\necho hello, this is a script\n";
  put_bytes(dir.file("script"), std::as_bytes(std::span(text)));
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  const auto what = [&](const std::string& path) { return Reader::open(path).error(); };
  EXPECT_EQ(what(dir.file("empty")).kind, kDamaged);
  EXPECT_EQ(what(dir.file("empty")).what, "is empty");
  EXPECT_EQ(what(dir.file("script")).what, "is not a Quire recording");
  EXPECT_EQ(what(dir.file("fifo")).what, "not a regular file");
  EXPECT_EQ(what(dir.file("absent")).kind, Diagnostic::Kind::kFailure);
  EXPECT_NE(what(dir.file("absent")).line().find("absent"), std::string::npos);
}

}  // namespace
}  // namespace quire::trace
