// lab/sweep_space.h - what a sweep goes through, as people write it in TOML.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cost/profile.h"
#include "lab/fragmentation.h"
#include "lab/verify.h"
#include "quire/result.h"

namespace quire::lab {

// Every combination of one of each is replayed.
struct SweepSpace {
  std::vector<Policy> policies;
  std::vector<ByteCount> ram;
  std::vector<std::shared_ptr<const cost::Profile>> profiles;
  std::vector<double> fragmentation;  // lab/fragmentation.h
};

//   policies = ["4K", "64K", "16K+64K"]   # or "worth-trying": all that advise tries
//   ram = ["64G"]                         # may be left out: 64G
//   profiles = ["mine.toml"]              # may be left out: the reference machine
//   fragmentation = [0, 0.5, 0.95]        # may be left out: 0
//
// kDamagedInput, with the line, for what is unknown, missing or no policy.
[[nodiscard]] Result<SweepSpace, Diagnostic> parse_space(std::string_view text, const std::string& where);
[[nodiscard]] Result<SweepSpace, Diagnostic> read_space(const std::string& file);

}  // namespace quire::lab
