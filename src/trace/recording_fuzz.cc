// Any bytes, read as a recording, give events or a Diagnostic and nothing else.
//
// Checksums would stop nearly every mutation at the door, so bytes that begin
// like a recording are read twice: as they are, and with every checksum,
// length and index put right. Bytes that begin with '{' are read as header,
// summary and gate; those behind a 'C' as statistics of contents; all others
// as the columns of one event chunk.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/check.h"
#include "trace/describe.h"
#include "trace/event_codec.h"
#include "trace/header_json.h"
#include "trace/reader.h"
#include "trace/utf8.h"

namespace quire::trace {
namespace {

constexpr std::uint64_t kEnough = 200'000;  // events of one input

void repair_chunk(std::span<std::byte> chunk, std::uint32_t index) {
  store_u32(chunk.data(), kChunkMagic);
  chunk[5] &= std::byte{1};
  const auto rest = static_cast<std::uint32_t>(chunk.size() - kChunkHeaderSize);
  const std::uint32_t stored = std::min(load_u32(&chunk[8]), rest);
  store_u32(&chunk[8], stored);
  if (chunk[5] == std::byte{0}) store_u32(&chunk[12], stored);
  store_u32(&chunk[20], index);
  store_u64(&chunk[24], hash_bytes(chunk.subspan(kChunkHeaderSize, stored)));
  store_u64(&chunk[32], hash_bytes(chunk.first(32)));
}

std::vector<std::byte> repaired(Bytes bytes) {
  std::vector<std::byte> whole(bytes.begin(), bytes.end());
  if (whole.size() < kPreambleSize) return whole;
  std::ranges::copy(encode_preamble(kFormatVersion), whole.begin());
  std::uint32_t index = 0;
  for (std::size_t at = kPreambleSize; at + kChunkHeaderSize <= whole.size();) {
    repair_chunk(std::span(whole).subspan(at), index++);
    at += kChunkHeaderSize + load_u32(&whole[at + 8]);
  }
  return whole;
}

void read_recording(Bytes bytes) {
  auto reader = Reader::from_bytes(bytes);
  if (!reader) {
    QUIRE_CHECK(!reader.error().line().empty());
    return;
  }
  (void)reader->notes();
  (void)reader->content_hash();
  std::uint64_t events = 0;
  Event event;
  for (auto more = reader->next(event); more && *more && events < kEnough; more = reader->next(event)) {
    QUIRE_CHECK(unstorable(event) == nullptr);
    ++events;
  }
  if (events == kEnough) return;  // a dense one: describing it would only take time
  const auto stats = describe(*reader);
  QUIRE_CHECK(stats.has_value());
  QUIRE_CHECK_EQ(stats->events, events);
  const std::string text = to_text(*stats) + to_json(*stats).dump();
  QUIRE_CHECK(is_utf8(text));
  QUIRE_CHECK(std::ranges::none_of(text, [](char c) { return c >= 0 && c < 0x20 && c != '\n'; }));
}

void read_json(std::string_view json) {
  if (const auto header = decode_header(json)) QUIRE_CHECK(decode_header(encode_header(*header)) == *header);
  if (const auto summary = decode_summary(json))
    QUIRE_CHECK(decode_summary(encode_summary(*summary)) == *summary);
  if (const auto gate = decode_gate(json)) QUIRE_CHECK(decode_gate(encode_gate(*gate)) == *gate);
}

// What is believed comes back as it is.
void read_contents(Bytes bytes) {
  const auto sample = decode_contents(bytes);
  if (!sample) return;
  const auto again = decode_contents(encode_contents(*sample));
  QUIRE_CHECK(again.has_value() && *again == *sample);
}

// The first bytes share the rest out among the columns.
std::vector<std::byte> columns_of(Bytes bytes) {
  std::vector<std::byte> payload(4 * kColumns);
  std::size_t rest = bytes.size() - kColumns;
  payload.insert(payload.end(), bytes.begin() + kColumns, bytes.end());
  for (std::size_t i = 0; i < kColumns; ++i) {
    const std::size_t share = std::to_integer<std::size_t>(bytes[i]);
    const std::size_t length = i + 1 == kColumns ? rest : std::min(rest, share * 4);
    store_u32(&payload[4 * i], static_cast<std::uint32_t>(length));
    rest -= length;
  }
  return payload;
}

// What decodes encodes again, and decodes to the same.
void read_columns(Bytes bytes) {
  if (bytes.size() < kColumns) return;
  const auto payload = columns_of(bytes);
  ChunkDecoder decoder;
  QUIRE_CHECK(decoder.start(payload, 1U << 20));
  std::vector<Event> events;
  ChunkEncoder encoder;
  Event event;
  while (decoder.next(event) == ChunkDecoder::Outcome::kEvent) {
    QUIRE_CHECK(unstorable(event) == nullptr);
    events.push_back(event);
    encoder.append(event);
  }
  const std::uint32_t records = encoder.records();
  const auto again = encoder.take();
  ChunkDecoder second;
  QUIRE_CHECK(second.start(again, records));
  for (const Event& expected : events) {
    QUIRE_CHECK(second.next(event) == ChunkDecoder::Outcome::kEvent);
    QUIRE_CHECK(event == expected);
  }
  QUIRE_CHECK(second.next(event) == ChunkDecoder::Outcome::kEnd);
}

}  // namespace
}  // namespace quire::trace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quire::trace;
  const Bytes bytes = std::as_bytes(std::span(data, size));
  if (has_magic(bytes)) {
    read_recording(bytes);
    read_recording(repaired(bytes));
  } else if (size != 0 && data[0] == '{') {
    read_json({reinterpret_cast<const char*>(data), size});
  } else if (size != 0 && data[0] == 'C') {
    read_contents(bytes.subspan(1));
  } else {
    read_columns(bytes);
  }
  return 0;
}
