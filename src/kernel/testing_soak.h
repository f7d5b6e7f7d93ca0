// kernel/testing_soak.h - for tests only: what a page of a soak holds, how long a soak is, and how it goes.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/rng.h"
#include "quire/types.h"

namespace quire::testing {

// What is in a page: bytes made of a number; 0 is zeroes. Every third number gives
// a page that compresses, so that real codecs have something to do.
using Stamp = std::uint32_t;
using SoakBytes = std::array<std::byte, kPageSize>;

inline void make_bytes(Stamp stamp, SoakBytes& bytes) {
  bytes.fill(std::byte{0});
  if (stamp == 0) return;
  base::Rng rng(stamp);
  const std::uint64_t mask = stamp % 3 == 0 ? 0x0f0f : ~0ULL;
  for (std::size_t i = 0; i < kPageSize; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = rng.next() & mask;
    std::memcpy(bytes.data() + i, &word, sizeof word);
  }
}

// What a page holds, and its tags: made of a number as well.
struct SoakPage {
  Stamp bytes = 0;
  Stamp tags = 0;
};

// Random operations of each setting: few in the suite, QUIRE_SOAK_OPERATIONS for long ones.
inline std::uint64_t soak_operations() {
  const char* const text = std::getenv("QUIRE_SOAK_OPERATIONS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'000;
}

// Random operations until something is wrong, looked over now and then: nothing may be.
template <typename Soak>
void play(Soak& soak) {
  const std::uint64_t n = soak_operations();
  for (std::uint64_t i = 0; i < n && !::testing::Test::HasFailure(); ++i) {
    soak.step();
    if (i % 5000 == 4999) soak.check();
    EXPECT_EQ(soak.wrong_bytes + soak.wrong_tags, 0U) << "in step " << i;
  }
  soak.finish();
  EXPECT_EQ(soak.wrong_bytes + soak.wrong_tags, 0U);
}

}  // namespace quire::testing
