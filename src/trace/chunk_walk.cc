#include "trace/chunk_walk.h"

#include <fmt/format.h>

namespace quire::trace {

Diagnostic ChunkWalk::damage(const ByteSource& source, std::string what) const {
  return {.kind = Diagnostic::Kind::kDamagedInput,
          .where = fmt::format("{}: offset {}", source.name(), offset_),
          .what = std::move(what),
          .hint = "the events before this place are whole"};
}

Result<ChunkWalk::At, Diagnostic> ChunkWalk::look(const ByteSource& source) {
  const std::uint64_t rest = source.size() - offset_;
  if (rest == 0) return At::kEnd;
  if (rest < kChunkHeaderSize) return At::kCut;
  std::array<std::byte, kChunkHeaderSize> bytes{};
  QUIRE_TRY(source.read(offset_, bytes));
  const ChunkFault fault = decode_chunk_header(bytes, header_);
  if (fault != ChunkFault::kNone) return fail(damage(source, chunk_fault_text(fault)));
  if (header_.index != index_) {
    return fail(damage(source, fmt::format("chunk {} stands where chunk {} belongs", header_.index, index_)));
  }
  return header_.stored_bytes > rest - kChunkHeaderSize ? At::kCut : At::kChunk;
}

Result<void, Diagnostic> ChunkWalk::load(const ByteSource& source, ChunkUnpacker& unpacker,
                                         std::vector<std::byte>& raw) const {
  std::vector<std::byte> stored(header_.stored_bytes);
  QUIRE_TRY(source.read(offset_ + kChunkHeaderSize, stored));
  if (auto done = unpacker.unpack(header_, stored, raw); !done) return fail(damage(source, done.error()));
  return {};
}

void ChunkWalk::step() {
  offset_ += kChunkHeaderSize + header_.stored_bytes;
  ++index_;
}

}  // namespace quire::trace
