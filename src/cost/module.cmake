# The profile of the reference machine is part of the program.
quire_text(reference_toml ${CMAKE_SOURCE_DIR}/profiles/reference.toml)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/cost/reference_profile.h CONTENT [[
#pragma once
namespace quire::cost {
// profiles/reference.toml
inline constexpr const char* kReferenceProfile = R"toml(@reference_toml@)toml";
}  // namespace quire::cost
]] @ONLY)
target_include_directories(${QUIRE_MODULE} PRIVATE ${CMAKE_BINARY_DIR}/generated)
