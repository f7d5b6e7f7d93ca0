// compress/codec_backend.h - one algorithm of one library, as Codec needs it.
// For the sources of Codec only.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "compress/codec.h"

namespace quire::compress {

// Codec::Backend compresses whole buffers. Codec has checked the sizes.
class Codec::Backend {
 public:
  virtual ~Backend() = default;
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] virtual Result<ByteCount, CodecError> compress(std::span<const std::byte> in,
                                                               std::span<std::byte> out) = 0;
  // How many bytes of `out` it wrote.
  [[nodiscard]] virtual Result<ByteCount, CodecError> decompress(std::span<const std::byte> in,
                                                                 std::span<std::byte> out) = 0;
  [[nodiscard]] virtual ByteCount bound(ByteCount input) const = 0;
};

// The levels an algorithm has, and the one the kernel takes when nobody says.
struct Levels {
  int lowest = 0;
  int highest = 0;
  int usual = 0;
};

[[nodiscard]] Levels lz4_levels();
[[nodiscard]] Levels zstd_levels();

[[nodiscard]] std::unique_ptr<Codec::Backend> make_lzo(ByteCount largest_input);
[[nodiscard]] std::unique_ptr<Codec::Backend> make_lz4(int level);
[[nodiscard]] std::unique_ptr<Codec::Backend> make_zstd(int level, ByteCount largest_input);

}  // namespace quire::compress
