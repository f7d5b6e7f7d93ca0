// lzo1x-1 of liblzo2.
#include <lzo/lzo1x.h>

#include <cstring>
#include <vector>

#include "base/check.h"
#include "compress/codec_backend.h"

namespace quire::compress {
namespace {

const lzo_bytep lzo(const std::byte* bytes) { return reinterpret_cast<const lzo_bytep>(bytes); }
lzo_bytep lzo(std::byte* bytes) { return reinterpret_cast<lzo_bytep>(bytes); }

class Lzo final : public Codec::Backend {
 public:
  explicit Lzo(ByteCount largest_input) : work_(LZO1X_1_MEM_COMPRESS), roomy_(bound(largest_input).raw()) {}

  // The library cannot be told where `out` ends: where it could run over, it
  // writes to a buffer that is large enough for anything.
  Result<ByteCount, CodecError> compress(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (out.size() >= bound(ByteCount(in.size())).raw()) return ByteCount(compress_to(in, out.data()));
    const std::size_t size = compress_to(in, roomy_.data());
    if (size > out.size()) return fail(CodecError::kDoesNotFit);
    std::memcpy(out.data(), roomy_.data(), size);
    return ByteCount(size);
  }

  Result<ByteCount, CodecError> decompress(std::span<const std::byte> in, std::span<std::byte> out) override {
    lzo_uint size = out.size();
    const int status = lzo1x_decompress_safe(lzo(in.data()), in.size(), lzo(out.data()), &size, nullptr);
    if (status != LZO_E_OK) return fail(CodecError::kCorrupt);
    return ByteCount(size);
  }

  // As the library's manual says.
  ByteCount bound(ByteCount input) const override { return ByteCount(input.raw() + input.raw() / 16 + 67); }

 private:
  std::size_t compress_to(std::span<const std::byte> in, std::byte* to) {
    lzo_uint size = 0;
    const int status = lzo1x_1_compress(lzo(in.data()), in.size(), lzo(to), &size, work_.data());
    QUIRE_CHECK_EQ(status, LZO_E_OK);
    return size;
  }

  std::vector<std::byte> work_;
  std::vector<std::byte> roomy_;
};

}  // namespace

std::unique_ptr<Codec::Backend> make_lzo(ByteCount largest_input) {
  static const int kReady = lzo_init();
  QUIRE_CHECK_EQ(kReady, LZO_E_OK);
  return std::make_unique<Lzo>(largest_input);
}

}  // namespace quire::compress
