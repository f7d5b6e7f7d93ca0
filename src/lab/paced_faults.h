// lab/paced_faults.h - faults as programs take them: one, then some work.
//
// In a loop that does nothing else a fault finds the kernel's code and data in
// the nearest caches and saves what a program loses there; a loop of large folios
// zeroes faster than caches can write back, and waits as no program does that
// fills what it got. So between two faults the program works.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quire/types.h"

namespace quire::lab {

// What happens between two faults.
enum class Pace : std::uint8_t {
  kAtOnce,   // the next one
  kWorking,  // what was got is filled, and kOwnWork of other memory read
};
inline constexpr ByteCount kOwnWork{256 << 10};

enum class Touch : std::uint8_t { kRead, kWrite };

struct PacedRange {
  char* begin = nullptr;
  std::uint64_t steps = 0;  // one touch each
  ByteCount step;
};

// Touches the beginning of each step of a range, which must not be empty.
class PacedTouches {
 public:
  // Has all memory of its own written to: what run() takes faults for is the range.
  PacedTouches(const PacedRange& range, Pace pace);

  // Nanoseconds for one touch on average, without the work between them. Those that
  // took kInterrupted times the median were not the fault's doing and do not count.
  [[nodiscard]] double run(Touch touch);

 private:
  void work(volatile char* at, Touch touch);

  PacedRange range_;
  Pace pace_;
  std::vector<double> ns_;
  std::vector<unsigned char> own_;  // memory of the program that is no part of what is measured
  volatile std::uint64_t sum_ = 0;  // its reads are not for nothing
};
inline constexpr double kInterrupted = 30;

// The mean of the samples up to kInterrupted times their median, at least one. Sorts them.
[[nodiscard]] double uninterrupted_mean(std::span<double> samples);

}  // namespace quire::lab
