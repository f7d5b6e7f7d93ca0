// litmus/fill.h - contents for whole pages, made of a number: what a program
// stores in one process and another one finds again.
//
// A program of an experiment makes them as well, so nothing here has memory.
#pragma once

#include <cstdint>

#include "litmus/experiment.h"

namespace quire::litmus {

// The 8-byte words of a page, from its first byte on. `page` counts the pages of
// the block that its place names: no two of them have the same bytes,
// but for zeroes.
class FillWords {
 public:
  FillWords(Fill fill, std::uint64_t page)
      : kind_(fill.kind), state_((std::uint64_t{fill.seed} << 32) + page + 1) {}

  std::uint64_t next() {
    if (kind_ == Fill::Kind::kZeroes) return 0;
    if (kind_ == Fill::Kind::kNoise) return random();
    // Words from a list of sixteen, and each ninth one of its own.
    const bool own = count_++ % 9 == 0;
    const std::uint64_t n = random();
    return own ? n : kCommon + (n % 16) * kCommonStep;
  }

 private:
  static constexpr std::uint64_t kCommon = 0x20656c7474696c20;
  static constexpr std::uint64_t kCommonStep = 0x0001000300050007;

  // splitmix64
  std::uint64_t random() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  Fill::Kind kind_;
  unsigned count_ = 0;
  std::uint64_t state_;
};

}  // namespace quire::litmus
