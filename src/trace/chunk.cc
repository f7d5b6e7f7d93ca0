#include "trace/chunk.h"

#include <zstd.h>

#include <algorithm>

#include "base/check.h"

namespace quire::trace {
namespace {

// Level 3: 200 MB/s and more, within a few percent of the size of slow ones.
constexpr int kLevel = 3;

bool acceptable(std::size_t stored, std::size_t raw) {
  return stored < raw && raw <= kMaxRatio * (stored + kChunkHeaderSize);
}

}  // namespace

struct ChunkPacker::Context {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{ZSTD_createCCtx(), &ZSTD_freeCCtx};
};

ChunkPacker::ChunkPacker() : context_(std::make_unique<Context>()) {}
ChunkPacker::~ChunkPacker() = default;
ChunkPacker::ChunkPacker(ChunkPacker&&) noexcept = default;
ChunkPacker& ChunkPacker::operator=(ChunkPacker&&) noexcept = default;

std::vector<std::byte> ChunkPacker::pack(ChunkType type, std::uint32_t index, std::uint32_t records,
                                         Bytes payload) {
  QUIRE_CHECK_LE(payload.size(), std::size_t{kMaxRawBytes});
  std::vector<std::byte> chunk(kChunkHeaderSize + ZSTD_compressBound(payload.size()));
  std::size_t stored =
      ZSTD_compressCCtx(context_->zstd.get(), &chunk[kChunkHeaderSize], chunk.size() - kChunkHeaderSize,
                        payload.data(), payload.size(), kLevel);
  ChunkHeader header{
      .type = static_cast<std::uint8_t>(type), .codec = Codec::kZstd, .records = records, .index = index};
  if (ZSTD_isError(stored) != 0 || !acceptable(stored, payload.size())) {
    header.codec = Codec::kStored;
    std::ranges::copy(payload, chunk.begin() + kChunkHeaderSize);
    stored = payload.size();
  }
  chunk.resize(kChunkHeaderSize + stored);
  header.stored_bytes = static_cast<std::uint32_t>(stored);
  header.raw_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_hash = hash_bytes(Bytes(chunk).subspan(kChunkHeaderSize));
  std::ranges::copy(encode_chunk_header(header), chunk.begin());
  return chunk;
}

struct ChunkUnpacker::Context {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

ChunkUnpacker::ChunkUnpacker() : context_(std::make_unique<Context>()) {}
ChunkUnpacker::~ChunkUnpacker() = default;
ChunkUnpacker::ChunkUnpacker(ChunkUnpacker&&) noexcept = default;
ChunkUnpacker& ChunkUnpacker::operator=(ChunkUnpacker&&) noexcept = default;

Result<void, std::string> ChunkUnpacker::unpack(const ChunkHeader& header, Bytes stored,
                                                std::vector<std::byte>& raw) {
  if (hash_bytes(stored) != header.payload_hash) {
    return fail(std::string("the chunk's contents do not agree with their checksum"));
  }
  raw.resize(header.raw_bytes);
  if (header.codec == Codec::kStored) {
    std::ranges::copy(stored, raw.begin());
    return {};
  }
  // One call straight into the buffer: zstd then needs no window of its own,
  // whatever the frame claims about its size.
  const std::size_t got =
      ZSTD_decompressDCtx(context_->zstd.get(), raw.data(), raw.size(), stored.data(), stored.size());
  if (ZSTD_isError(got) != 0 || got != raw.size()) {
    return fail(std::string("the chunk's contents do not decompress to what its header says"));
  }
  return {};
}

}  // namespace quire::trace
