// lab/sweep_space.h - what a sweep goes through, as people write it in TOML.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cost/profile.h"
#include "lab/machine.h"
#include "lab/verify.h"
#include "quire/result.h"

namespace quire::lab {

// Every combination of one of each is replayed.
struct SweepSpace {
  std::vector<Policy> policies;
  std::vector<Machine> machines;
  std::vector<std::shared_ptr<const cost::Profile>> profiles;
};

//   policies = ["4K", "64K", "16K+64K"]   # or "worth-trying": all that advise tries
//   machines = ["ram=64G", "ram=4G swap=zram:lz4:64K:4G"]  # lab/machine.h; may be left out: ram=64G
//   profiles = ["mine.toml"]              # may be left out: the reference machine
//
// kDamagedInput, with the line, for what is unknown, missing or no policy.
[[nodiscard]] Result<SweepSpace, Diagnostic> parse_space(std::string_view text, const std::string& where);
[[nodiscard]] Result<SweepSpace, Diagnostic> read_space(const std::string& file);

}  // namespace quire::lab
