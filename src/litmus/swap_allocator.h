// litmus/swap_allocator.h - the experiment behind the kernel's own test of its
// slot allocator: 60 MiB of 64 KiB folios go out and come back in rounds.
//
// Does what tools/mm/thp_swap_allocator_test.c of Linux 6.18 does, step by step:
// all goes out; then each round reads back 16 MiB at random places, gives up and
// writes anew 16 MiB of whole folios, and sends all out again. What each round
// tells is how many folios found no run of slots.
#pragma once

#include <cstdint>
#include <vector>

#include "litmus/experiment.h"
#include "litmus/observation.h"

namespace quire::litmus {

struct SwapAllocatorOptions {
  std::uint64_t seed = 1;
  unsigned rounds = 3;  // the tool makes 100
  // The tool's -s: 4 MiB of single pages go out and in besides.
  enum class Small : std::uint8_t { kNo, kYes } small = Small::kNo;
  // The tool's -a: whole folios are written when they come back, not pages of them.
  enum class SwapIn : std::uint8_t { kPages, kFolios } swap_in = SwapIn::kPages;
  std::string policy = "";
};

[[nodiscard]] Experiment swap_allocator_experiment(const SwapAllocatorOptions& options);

// Of one round: folios that went out whole, and that were split for want of slots.
struct SwapFallback {
  std::int64_t whole = 0;
  std::int64_t split = 0;
  bool operator==(const SwapFallback&) const = default;
};
// The rounds of such an experiment, the first of all folios included.
[[nodiscard]] std::vector<SwapFallback> swap_fallbacks(const Experiment& experiment,
                                                       const Recording& recording);

}  // namespace quire::litmus
