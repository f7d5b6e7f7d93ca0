// compress/codec.h - the compressors zram and zswap can be told to use.
//
// Mirrors: drivers/block/zram/zcomp.c and backend_{lzo,lzorle,lz4,zstd}.c of
// Linux 6.18: the words of comp_algorithm, their default levels, one working
// memory for each stream. Differs: the kernel's lzo-rle is a variant of
// lzo1x-1 that no library has; see Algorithm::kLzoRle.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::compress {

enum class Algorithm : std::uint8_t {
  kLzo,     // lzo1x-1
  kLzoRle,  // lzo1x-1, without the codes for runs of zeroes that the kernel adds to it: the
            // word is taken and the kernel's meaning is not (docs/architecture/compress.md)
  kLz4,     // level: acceleration, 1 the best ratio
  kZstd,    // level: as of the library
};
inline constexpr std::array kAlgorithms{Algorithm::kLzo, Algorithm::kLzoRle, Algorithm::kLz4,
                                        Algorithm::kZstd};

// As comp_algorithm spells it: "lzo", "lzo-rle", "lz4", "zstd".
[[nodiscard]] std::string_view name(Algorithm algorithm);
[[nodiscard]] std::optional<Algorithm> algorithm_named(std::string_view word);

struct CodecOptions {
  Algorithm algorithm = Algorithm::kLzoRle;  // the kernel's own choice
  // None: what the kernel takes (lz4 1, zstd 3). lzo and lzo-rle have no levels.
  std::optional<int> level = std::nullopt;
  // The largest buffer that will be handed to compress().
  ByteCount largest_input = 64_KiB;
};

// Why a buffer was not compressed or decompressed.
enum class CodecError : std::uint8_t {
  kDoesNotFit,  // the compressed bytes are more than `out` has room for
  kTooLarge,    // `in` is larger than CodecOptions::largest_input
  kCorrupt,     // these bytes are not what compress() made of out.size() bytes
};

// Codec compresses and decompresses buffers of up to largest_input bytes.
//
// States      : none between calls: every buffer stands for itself
// Owns        : its working memory, all of it from create(): a call allocates nothing
// Locks       : one thread uses a codec; several codecs know nothing of each other
// Invariants  : I-CODEC-1 decompress(compress(b)) = b, for every b of 1 to largest_input bytes
//               I-CODEC-2 decompress() of any bytes whatever writes only to `out`
class Codec {
 public:
  // Refuses a level the algorithm does not have, and an input of no or more than 2^30 bytes.
  [[nodiscard]] static Result<Codec, Diagnostic> create(const CodecOptions& options);
  Codec(Codec&&) noexcept;
  Codec& operator=(Codec&&) noexcept;
  ~Codec();

  // How many bytes of `out` the compressed form of `in` took. What `out` holds
  // after a failure is undefined. The two may not overlap.
  [[nodiscard]] Result<ByteCount, CodecError> compress(std::span<const std::byte> in,
                                                       std::span<std::byte> out);
  // Fills `out`, which must be exactly as long as what was compressed. What it
  // holds after a failure is undefined. Safe on bytes from anywhere.
  [[nodiscard]] Result<void, CodecError> decompress(std::span<const std::byte> in, std::span<std::byte> out);

  // An `out` of this size always has room for the compressed form of `input` bytes.
  [[nodiscard]] ByteCount bound(ByteCount input) const;

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  // The level in use; 0 for an algorithm without levels.
  [[nodiscard]] int level() const { return level_; }

  // One algorithm of one library: compress/codec_backend.h, for this folder only.
  class Backend;

 private:
  Codec(const CodecOptions& options, int level, std::unique_ptr<Backend> backend);

  Algorithm algorithm_;
  int level_;
  ByteCount largest_input_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace quire::compress
