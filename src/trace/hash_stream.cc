#include "trace/hash_stream.h"

#include <algorithm>
#include <memory>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace quire::trace {

std::uint64_t hash_of(const ByteSource& source) {
  constexpr std::uint64_t kPiece = 1U << 20;
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> piece(std::min(kPiece, source.size()));
  for (std::uint64_t at = 0; at < source.size(); at += piece.size()) {
    const auto part = std::span(piece).first(std::min<std::uint64_t>(piece.size(), source.size() - at));
    if (!source.read(at, part)) return 0;
    XXH3_64bits_update(state.get(), part.data(), part.size());
  }
  return XXH3_64bits_digest(state.get());
}

}  // namespace quire::trace
