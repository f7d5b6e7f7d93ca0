// base/testing_sanitized.h - whether a sanitizer is in this test program. Its
// runtime maps memory of its own, so that what a program does to the host can
// then not be held against a rule.
#pragma once

namespace quire::base::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
inline constexpr const char* kSanitizedReason = "a sanitizer maps memory of its own into this program";

}  // namespace quire::base::testing
