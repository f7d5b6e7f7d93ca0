// lab/phone_day.h - makes the recording of a day of a phone: apps opened, used, put
// aside, opened again and killed, all forked from one process.
//
// Mirrors: nothing that was recorded. A model (lab/phone_model.h) with a seed: the
// same seed gives the same recording, byte for byte.
#pragma once

#include <cstdint>
#include <string>

#include "lab/phone_model.h"
#include "quire/result.h"
#include "trace/header.h"

namespace quire::lab {

struct PhoneDayOptions {
  std::uint64_t seed = 1;
  unsigned hours = 16;
  PhoneModel model = default_phone();
};

// What came about.
struct PhoneDayCounts {
  std::uint64_t cold_starts = 0;
  std::uint64_t reopenings = 0;
  std::uint64_t kills = 0;
  std::uint64_t touches = 0;
  std::uint64_t accessed_pages = 0;  // by samples
  std::uint64_t events = 0;
};

// Writes the recording. Its gate says that nothing vouches for it: nobody counted faults.
[[nodiscard]] Result<PhoneDayCounts, Diagnostic> generate_phone_day(const std::string& file,
                                                                    const PhoneDayOptions& options);

}  // namespace quire::lab
