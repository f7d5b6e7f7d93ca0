// trace/chunk_walk.h - from chunk to chunk through a recording.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quire/result.h"
#include "trace/chunk.h"
#include "trace/file.h"
#include "trace/format.h"

namespace quire::trace {

// A place between two chunks, and what was found there.
class ChunkWalk {
 public:
  enum class At : std::uint8_t {
    kChunk,  // a whole chunk with a sound header: header() and, on demand, its payload
    kEnd,    // the file ends here
    kCut,    // the file ends inside a chunk that begins here
  };

  ChunkWalk() = default;
  // Stands before the chunk `index`, which begins at `offset`.
  ChunkWalk(std::uint64_t offset, std::uint32_t index) : offset_(offset), index_(index) {}

  // Looks at what begins here. An unsound header is a Diagnostic.
  [[nodiscard]] Result<At, Diagnostic> look(const ByteSource& source);
  [[nodiscard]] const ChunkHeader& header() const { return header_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint32_t index() const { return index_; }

  // The checked, decompressed payload of the chunk looked at.
  [[nodiscard]] Result<void, Diagnostic> load(const ByteSource& source, ChunkUnpacker& unpacker,
                                              std::vector<std::byte>& raw) const;
  // Goes to the place after the chunk looked at.
  void step();
  // A Diagnostic about the chunk that begins here.
  [[nodiscard]] Diagnostic damage(const ByteSource& source, std::string what) const;

 private:
  std::uint64_t offset_ = 0;
  std::uint32_t index_ = 0;
  ChunkHeader header_;
};

}  // namespace quire::trace
