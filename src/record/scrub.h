// record/scrub.h - takes what is private out of what a recording says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trace/header.h"

namespace quire::record {

// Values of the environment become as many 'x' (their lengths shape the stack
// and so the addresses of everything), names of files a hash with a salt of
// this recording: equal names stay equal within it and cannot be looked up.
class Scrubber {
 public:
  // Leaves everything as it is.
  Scrubber() = default;
  [[nodiscard]] static Scrubber with_random_salt();
  explicit Scrubber(std::uint64_t salt) : active_(true), salt_(salt) {}

  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] std::string file_name(std::string_view name) const;
  void header(trace::Header& header) const;

 private:
  bool active_ = false;
  std::uint64_t salt_ = 0;
};

}  // namespace quire::record
