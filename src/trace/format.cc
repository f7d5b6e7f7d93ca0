#include "trace/format.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace quire::trace {

std::uint32_t load_u32(const std::byte* from) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(from[i]) << (8 * i);
  return value;
}

std::uint64_t load_u64(const std::byte* from) {
  return load_u32(from) | (std::uint64_t{load_u32(from + 4)} << 32);
}

void store_u32(std::byte* to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

void store_u64(std::byte* to, std::uint64_t value) {
  store_u32(to, static_cast<std::uint32_t>(value));
  store_u32(to + 4, static_cast<std::uint32_t>(value >> 32));
}

std::uint64_t hash_bytes(Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

bool has_magic(Bytes bytes) {
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

const char* chunk_fault_text(ChunkFault fault) {
  switch (fault) {
    case ChunkFault::kNone:
      return "nothing is wrong";
    case ChunkFault::kNoMagic:
      return "no chunk begins here";
    case ChunkFault::kChecksum:
      return "the chunk's header does not agree with its checksum";
    case ChunkFault::kCodec:
      return "the chunk is compressed in an unknown way";
    case ChunkFault::kTooLarge:
      return "the chunk is larger than any chunk may be";
    case ChunkFault::kTooDense:
      return "the chunk claims to be compressed more than any chunk may be";
    case ChunkFault::kRecords:
      return "the chunk claims more events than it has bytes";
  }
  return "unknown fault";
}

std::array<std::byte, kPreambleSize> encode_preamble(std::uint32_t version) {
  std::array<std::byte, kPreambleSize> bytes{};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  store_u32(&bytes[8], version);
  store_u64(&bytes[16], hash_bytes(Bytes(bytes).first(16)));
  return bytes;
}

std::array<std::byte, kChunkHeaderSize> encode_chunk_header(const ChunkHeader& header) {
  std::array<std::byte, kChunkHeaderSize> bytes{};
  store_u32(&bytes[0], kChunkMagic);
  bytes[4] = static_cast<std::byte>(header.type);
  bytes[5] = static_cast<std::byte>(header.codec);
  store_u32(&bytes[8], header.stored_bytes);
  store_u32(&bytes[12], header.raw_bytes);
  store_u32(&bytes[16], header.records);
  store_u32(&bytes[20], header.index);
  store_u64(&bytes[24], header.payload_hash);
  store_u64(&bytes[32], hash_bytes(Bytes(bytes).first(32)));
  return bytes;
}

namespace {

ChunkFault check_sizes(const ChunkHeader& header) {
  if (header.raw_bytes > kMaxRawBytes || header.stored_bytes > kMaxRawBytes) return ChunkFault::kTooLarge;
  if (header.codec == Codec::kStored && header.stored_bytes != header.raw_bytes) return ChunkFault::kCodec;
  if (header.raw_bytes > kMaxRatio * (header.stored_bytes + kChunkHeaderSize)) return ChunkFault::kTooDense;
  if (header.records > header.raw_bytes) return ChunkFault::kRecords;
  return ChunkFault::kNone;
}

}  // namespace

ChunkFault decode_chunk_header(std::span<const std::byte, kChunkHeaderSize> bytes, ChunkHeader& header) {
  if (load_u32(&bytes[0]) != kChunkMagic) return ChunkFault::kNoMagic;
  if (load_u64(&bytes[32]) != hash_bytes(Bytes(bytes).first(32))) return ChunkFault::kChecksum;
  const auto codec = std::to_integer<std::uint8_t>(bytes[5]);
  if (codec > static_cast<std::uint8_t>(Codec::kZstd)) return ChunkFault::kCodec;
  header.type = std::to_integer<std::uint8_t>(bytes[4]);
  header.codec = static_cast<Codec>(codec);
  header.stored_bytes = load_u32(&bytes[8]);
  header.raw_bytes = load_u32(&bytes[12]);
  header.records = load_u32(&bytes[16]);
  header.index = load_u32(&bytes[20]);
  header.payload_hash = load_u64(&bytes[24]);
  return check_sizes(header);
}

}  // namespace quire::trace
