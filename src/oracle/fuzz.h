// oracle/fuzz.h - the engine against the running kernel, by chance.
//
// A random experiment runs on both, and after each step the two must agree in
// the step's end, every page, every byte, every counter. What they disagree
// about is shrunk to the fewest steps and written down as a litmus file that
// says what the kernel did.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "litmus/check.h"
#include "litmus/random.h"
#include "oracle/kernel_side.h"
#include "quire/result.h"

namespace quire::litmus {

// kItself: the kernel against the kernel, which tells what it does by chance.
enum class Against : std::uint8_t { kNobody, kKernel, kItself };

struct FuzzOptions {
  // Experiment i of a seed is the same on every host, but for settings that only some builds of the kernel
  // have.
  std::uint64_t seed = 1;
  std::uint64_t first = 0;  // the number of the first one
  std::uint64_t runs = 100;
  unsigned steps = 60;
  RandomOptions::Swap swap = RandomOptions::Swap::kNone;
  Against against = Against::kKernel;  // kNobody: only invariants and bytes of the engine
  unsigned shrink_tries = 400;
  std::string folder = ".";  // for the files of disagreements
  std::uint64_t most = 10;   // disagreements, then it stops
};

struct Disagreement {
  std::uint64_t run = 0;  // its number within the seed
  std::string file;       // written, shrunk
  Finding finding;        // of the shrunk experiment
};

struct FuzzResult {
  std::uint64_t runs = 0;
  std::uint64_t steps = 0;
  // Of the runs: under a limit Linux found nothing to take back and ended a program, or refused a lower
  // limit, although swap had room. When its reclaim gives up is not the experiment's.
  std::uint64_t gave_up = 0;
  std::uint64_t engine_ns = 0, kernel_ns = 0;  // time in each
  std::vector<Disagreement> disagreements;
};

// Told after each run: how many are done.
using FuzzProgress = std::function<void(const FuzzResult&)>;

// kPrivilege when the kernel is wanted and this host does not allow it.
[[nodiscard]] Result<FuzzResult, Diagnostic> fuzz(const FuzzOptions& options, const FuzzProgress& progress);

}  // namespace quire::litmus
