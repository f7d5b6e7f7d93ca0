// lz4's fast compressor, of liblz4. Its level is what the library calls
// acceleration, as for zram.
#include <lz4.h>

#include <vector>

#include "compress/codec_backend.h"

namespace quire::compress {
namespace {

// What the library clamps to.
constexpr int kHighestAcceleration = 65537;

const char* chars(std::span<const std::byte> bytes) { return reinterpret_cast<const char*>(bytes.data()); }
char* chars(std::span<std::byte> bytes) { return reinterpret_cast<char*>(bytes.data()); }
int size_of(std::span<const std::byte> bytes) { return static_cast<int>(bytes.size()); }

class Lz4 final : public Codec::Backend {
 public:
  explicit Lz4(int acceleration)
      : acceleration_(acceleration), state_(static_cast<std::size_t>(LZ4_sizeofState())) {}

  Result<ByteCount, CodecError> compress(std::span<const std::byte> in, std::span<std::byte> out) override {
    const int size = LZ4_compress_fast_extState(state_.data(), chars(in), chars(out), size_of(in),
                                                size_of(out), acceleration_);
    if (size <= 0) return fail(CodecError::kDoesNotFit);
    return ByteCount(static_cast<std::uint64_t>(size));
  }

  Result<ByteCount, CodecError> decompress(std::span<const std::byte> in, std::span<std::byte> out) override {
    const int size = LZ4_decompress_safe(chars(in), chars(out), size_of(in), size_of(out));
    if (size < 0) return fail(CodecError::kCorrupt);
    return ByteCount(static_cast<std::uint64_t>(size));
  }

  ByteCount bound(ByteCount input) const override {
    return ByteCount(static_cast<std::uint64_t>(LZ4_compressBound(static_cast<int>(input.raw()))));
  }

 private:
  int acceleration_;
  std::vector<std::byte> state_;
};

}  // namespace

Levels lz4_levels() { return {.lowest = 1, .highest = kHighestAcceleration, .usual = 1}; }

std::unique_ptr<Codec::Backend> make_lz4(int level) { return std::make_unique<Lz4>(level); }

}  // namespace quire::compress
