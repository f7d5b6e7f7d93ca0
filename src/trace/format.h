// trace/format.h - the byte layout of a recording: what stands where, and
// which sizes are believed. docs/reference/recording-format.md is the
// description for people; this header is what the code goes by.
//
//   preamble | header chunk | events | events | ... | summary | gate ...
//
// All integers are little-endian, whatever the machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace quire::trace {

using Bytes = std::span<const std::byte>;

// The first bytes of every recording. The high bit and the line end catch
// transfers that are not binary-clean.
inline constexpr std::array<std::uint8_t, 8> kMagic{0x89, 'Q', 'U', 'I', 'R', 'E', '\r', '\n'};
inline constexpr std::size_t kPreambleSize = 24;
inline constexpr std::size_t kChunkHeaderSize = 40;
inline constexpr std::uint32_t kChunkMagic = 0x6b686351;  // "Qchk" as bytes

// A payload is never larger than this once decompressed, and never larger
// than kMaxRatio times what its chunk takes in the file: a small file cannot
// ask for much memory or much time.
inline constexpr std::uint32_t kMaxRawBytes = 16U << 20;
inline constexpr std::uint64_t kMaxRatio = 4096;
// A chunk of events is written once its encoding reaches this: it fits the
// second-level cache while being decoded, and a kill loses little.
inline constexpr std::size_t kChunkTarget = 256U << 10;
inline constexpr std::size_t kMaxText = 4096;  // of one event

// Types from kFirstSkippable on may be skipped by a reader that does not know
// them; a lower unknown one means that the file cannot be understood.
enum class ChunkType : std::uint8_t { kHeader = 1, kEvents = 2, kSummary = 3, kGate = 4, kContents = 0x80 };
inline constexpr std::uint8_t kFirstSkippable = 0x80;

enum class Codec : std::uint8_t { kStored = 0, kZstd = 1 };

struct ChunkHeader {
  std::uint8_t type = 0;  // ChunkType, or one of a later version
  Codec codec = Codec::kStored;
  std::uint32_t stored_bytes = 0;  // of the payload in the file
  std::uint32_t raw_bytes = 0;     // of the payload once decompressed
  std::uint32_t records = 0;       // events in it; 0 for JSON
  std::uint32_t index = 0;         // 0 for the header chunk, then one more each
  std::uint64_t payload_hash = 0;  // XXH3 of the stored payload
};

// Why a chunk header is not believed.
enum class ChunkFault : std::uint8_t { kNone, kNoMagic, kChecksum, kCodec, kTooLarge, kTooDense, kRecords };
[[nodiscard]] const char* chunk_fault_text(ChunkFault fault);

[[nodiscard]] std::array<std::byte, kPreambleSize> encode_preamble(std::uint32_t version);
[[nodiscard]] std::array<std::byte, kChunkHeaderSize> encode_chunk_header(const ChunkHeader& header);
// Fills `header` and checks it against its checksum and the limits above.
[[nodiscard]] ChunkFault decode_chunk_header(std::span<const std::byte, kChunkHeaderSize> bytes,
                                             ChunkHeader& header);

// Whether the first bytes are those of a recording, of any version.
[[nodiscard]] bool has_magic(Bytes bytes);

[[nodiscard]] std::uint64_t hash_bytes(Bytes bytes);

[[nodiscard]] std::uint32_t load_u32(const std::byte* from);
[[nodiscard]] std::uint64_t load_u64(const std::byte* from);
void store_u32(std::byte* to, std::uint32_t value);
void store_u64(std::byte* to, std::uint64_t value);

}  // namespace quire::trace
