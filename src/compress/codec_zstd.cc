// zstd, of libzstd. Both contexts live in memory of a fixed size, so that the
// library can allocate nothing: what it takes as its parameters follows from
// the level and the size of each buffer, as it does for the kernel from the
// level and the size of a page.
#define ZSTD_STATIC_LINKING_ONLY  // NOLINT(readability-identifier-naming): the library's name
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "compress/codec_backend.h"

namespace quire::compress {
namespace {

// Memory a context needs for any buffer of up to `largest` bytes. The library
// has a table of parameters for each of a few sizes; the largest buffer of
// each is what needs most.
std::size_t compressor_memory(int level, std::uint64_t largest) {
  std::size_t most = 0;
  for (std::uint64_t tier : {16_KiB .raw(), 128_KiB .raw(), 256_KiB .raw(), largest}) {
    const auto parameters = ZSTD_getCParams(level, std::min(tier, largest), 0);
    most = std::max(most, ZSTD_estimateCCtxSize_usingCParams(parameters));
  }
  return most;
}

// Memory for a context, aligned as the library wants it.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes)
      : words_((bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t)) {}
  [[nodiscard]] void* data() { return words_.data(); }
  [[nodiscard]] std::size_t size() const { return words_.size() * sizeof(std::max_align_t); }

 private:
  std::vector<std::max_align_t> words_;
};

class Zstd final : public Codec::Backend {
 public:
  Zstd(int level, ByteCount largest_input)
      : compressor_memory_(compressor_memory(level, largest_input.raw())),
        decompressor_memory_(ZSTD_estimateDCtxSize()),
        compressor_(ZSTD_initStaticCCtx(compressor_memory_.data(), compressor_memory_.size())),
        decompressor_(ZSTD_initStaticDCtx(decompressor_memory_.data(), decompressor_memory_.size())) {
    QUIRE_CHECK(compressor_ != nullptr && decompressor_ != nullptr);
    QUIRE_CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(compressor_, ZSTD_c_compressionLevel, level)) == 0);
  }

  Result<ByteCount, CodecError> compress(std::span<const std::byte> in, std::span<std::byte> out) override {
    const std::size_t size = ZSTD_compress2(compressor_, out.data(), out.size(), in.data(), in.size());
    if (ZSTD_isError(size) == 0) return ByteCount(size);
    QUIRE_CHECK_MSG(ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall, "zstd: {}",
                    ZSTD_getErrorName(size));
    return fail(CodecError::kDoesNotFit);
  }

  Result<ByteCount, CodecError> decompress(std::span<const std::byte> in, std::span<std::byte> out) override {
    const std::size_t size = ZSTD_decompressDCtx(decompressor_, out.data(), out.size(), in.data(), in.size());
    if (ZSTD_isError(size) != 0) return fail(CodecError::kCorrupt);
    return ByteCount(size);
  }

  ByteCount bound(ByteCount input) const override { return ByteCount(ZSTD_compressBound(input.raw())); }

 private:
  Workspace compressor_memory_;
  Workspace decompressor_memory_;
  ZSTD_CCtx* compressor_;    // in compressor_memory_
  ZSTD_DCtx* decompressor_;  // in decompressor_memory_
};

}  // namespace

Levels zstd_levels() {
  return {.lowest = ZSTD_minCLevel(), .highest = ZSTD_maxCLevel(), .usual = ZSTD_CLEVEL_DEFAULT};
}

std::unique_ptr<Codec::Backend> make_zstd(int level, ByteCount largest_input) {
  return std::make_unique<Zstd>(level, largest_input);
}

}  // namespace quire::compress
