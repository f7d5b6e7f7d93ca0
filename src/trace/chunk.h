// trace/chunk.h - a chunk whole: payload compressed, hashed and headed, or
// checked and decompressed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "quire/result.h"
#include "trace/format.h"

namespace quire::trace {

// Compresses payloads into chunks ready to be written.
class ChunkPacker {
 public:
  ChunkPacker();
  ~ChunkPacker();
  ChunkPacker(ChunkPacker&&) noexcept;
  ChunkPacker& operator=(ChunkPacker&&) noexcept;

  // Header and payload in one run of bytes. `payload` may hold up to
  // kMaxRawBytes. It is stored as it is when compression would not help or
  // would be denser than readers accept.
  [[nodiscard]] std::vector<std::byte> pack(ChunkType type, std::uint32_t index, std::uint32_t records,
                                            Bytes payload);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

class ChunkUnpacker {
 public:
  ChunkUnpacker();
  ~ChunkUnpacker();
  ChunkUnpacker(ChunkUnpacker&&) noexcept;
  ChunkUnpacker& operator=(ChunkUnpacker&&) noexcept;

  // Checks `stored` against a header that decode_chunk_header accepted and
  // puts the payload into `raw`. On failure gives the reason.
  [[nodiscard]] Result<void, std::string> unpack(const ChunkHeader& header, Bytes stored,
                                                 std::vector<std::byte>& raw);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace quire::trace
