// Any bytes, taken for a compressed object of any codec, give bytes or
// CodecError::kCorrupt, and touch nothing but their buffer; and any bytes
// compressed come back.
//
// The first byte chooses the codec, the second the size of the buffer.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "base/check.h"
#include "compress/codec.h"

namespace {

using namespace quire;
using compress::Codec;

Codec& codec(compress::Algorithm algorithm) {
  static std::array codecs{*Codec::create({.algorithm = compress::Algorithm::kLzo}),
                           *Codec::create({.algorithm = compress::Algorithm::kLz4}),
                           *Codec::create({.algorithm = compress::Algorithm::kZstd})};
  for (Codec& c : codecs)
    if (c.algorithm() == algorithm) return c;
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  constexpr std::array kCodecs{compress::Algorithm::kLzo, compress::Algorithm::kLz4,
                               compress::Algorithm::kZstd};
  constexpr std::array<std::size_t, 6> kSizes{1, 100, 4096, 4097, 16384, 65536};
  Codec& c = codec(kCodecs[data[0] % kCodecs.size()]);
  const std::span in(reinterpret_cast<const std::byte*>(data) + 2, size - 2);

  // The libraries are not instrumented: what they write behind the buffer, these bytes notice.
  const std::size_t room = kSizes[data[1] % kSizes.size()];
  std::vector<std::byte> out(room + 64, std::byte{0x5a});
  const auto decompressed = c.decompress(in, std::span(out).first(room));
  QUIRE_CHECK(decompressed || decompressed.error() == compress::CodecError::kCorrupt);
  for (const std::byte behind : std::span(out).subspan(room)) QUIRE_CHECK(behind == std::byte{0x5a});

  std::vector<std::byte> packed(c.bound(ByteCount(in.size())).raw());
  const auto packed_size = c.compress(in, packed);
  if (!packed_size) return 0;  // larger than the codec was made for
  std::vector<std::byte> again(in.size());
  QUIRE_CHECK(c.decompress(std::span(packed).first(packed_size->raw()), again).has_value());
  QUIRE_CHECK(std::equal(in.begin(), in.end(), again.begin(), again.end()));
  return 0;
}
