// base/check.h - assertions about our own code.
//
// QUIRE_CHECK* are on in every build. QUIRE_DCHECK* are on in debug and
// sanitizer builds and are compiled, but not run, in the others. Both print
// the operands and stop the program: a broken invariant makes every later
// number a lie.
#pragma once

#include <fmt/core.h>

#include <source_location>
#include <string>
#include <string_view>

namespace quire::base {

[[noreturn]] void check_failed(std::string_view expression, std::string_view detail,
                               std::source_location where);

// The printable form of an operand: a quantity type by its raw value, an
// enumerator by its number.
template <typename T>
std::string operand(const T& v) {
  if constexpr (requires { v.raw(); }) {
    return fmt::format("{}", v.raw());
  } else if constexpr (std::is_enum_v<T>) {
    return fmt::format("{}", static_cast<long long>(v));
  } else if constexpr (std::is_pointer_v<T>) {
    return fmt::format("{}", static_cast<const void*>(v));
  } else {
    return fmt::format("{}", v);
  }
}

template <typename A, typename B>
[[noreturn]] void check_op_failed(std::string_view expression, const A& a, const B& b,
                                  std::source_location where) {
  check_failed(expression, operand(a) + " against " + operand(b), where);
}

}  // namespace quire::base

#define QUIRE_CHECK(cond)                                                      \
  do {                                                                         \
    if (!(cond)) [[unlikely]]                                                  \
      ::quire::base::check_failed(#cond, "", std::source_location::current()); \
  } while (false)

#define QUIRE_CHECK_MSG(cond, ...)                                                                   \
  do {                                                                                               \
    if (!(cond)) [[unlikely]]                                                                        \
      ::quire::base::check_failed(#cond, fmt::format(__VA_ARGS__), std::source_location::current()); \
  } while (false)

#define QUIRE_CHECK_OP_(op, a, b)                                           \
  do {                                                                      \
    const auto& quire_a_ = (a);                                             \
    const auto& quire_b_ = (b);                                             \
    if (!(quire_a_ op quire_b_)) [[unlikely]]                               \
      ::quire::base::check_op_failed(#a " " #op " " #b, quire_a_, quire_b_, \
                                     std::source_location::current());      \
  } while (false)

#define QUIRE_CHECK_EQ(a, b) QUIRE_CHECK_OP_(==, a, b)
#define QUIRE_CHECK_NE(a, b) QUIRE_CHECK_OP_(!=, a, b)
#define QUIRE_CHECK_LT(a, b) QUIRE_CHECK_OP_(<, a, b)
#define QUIRE_CHECK_LE(a, b) QUIRE_CHECK_OP_(<=, a, b)
#define QUIRE_CHECK_GT(a, b) QUIRE_CHECK_OP_(>, a, b)

#ifdef NDEBUG
#define QUIRE_DCHECK(cond)        \
  do {                            \
    if (false) QUIRE_CHECK(cond); \
  } while (false)
#else
#define QUIRE_DCHECK(cond) QUIRE_CHECK(cond)
#endif
