// oracle/testing_setting.h - numbers that whoever runs a test may change.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace quire::litmus::testing {

// What the environment has under this name.
inline std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace quire::litmus::testing
