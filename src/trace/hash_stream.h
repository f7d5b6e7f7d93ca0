// trace/hash_stream.h - the hash of a whole file, a piece at a time.
#pragma once

#include <cstdint>

#include "trace/file.h"

namespace quire::trace {

// XXH3 (64 bits). A file that can no longer be read hashes to 0.
[[nodiscard]] std::uint64_t hash_of(const ByteSource& source);

}  // namespace quire::trace
