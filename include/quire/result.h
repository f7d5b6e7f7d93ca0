// quire/result.h - how a call says that it did not do what was asked.
//
// Three kinds of failure, never mixed: an expected outcome of the modelled
// kernel is a Result<T, Errno> (or a subsystem's own enum); bad input from
// outside is a Result<T, Diagnostic>; a mistake of ours is a QUIRE_CHECK.
#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace quire {

template <typename T, typename E>
using Result = std::expected<T, E>;

// The error numbers system calls of the modelled kernel answer with, valued
// as on Linux.
enum class Errno : int {
  kPerm = EPERM,
  kNoEnt = ENOENT,
  kSrch = ESRCH,
  kIo = EIO,
  kTooBig = E2BIG,
  kBadF = EBADF,
  kAgain = EAGAIN,
  kNoMem = ENOMEM,
  kAcces = EACCES,
  kFault = EFAULT,
  kNotBlk = ENOTBLK,
  kBusy = EBUSY,
  kExist = EEXIST,
  kNoDev = ENODEV,
  kNotDir = ENOTDIR,
  kIsDir = EISDIR,
  kInval = EINVAL,
  kNoSpc = ENOSPC,
  kRange = ERANGE,
  kNoSys = ENOSYS,
  kOpNotSupp = EOPNOTSUPP,
};

// The name as errno(3) spells it: "EINVAL".
[[nodiscard]] const char* errno_name(Errno e);

// What was wrong with something that came from outside: a file, a word on the
// command line, the state of the host.
struct Diagnostic {
  // The documented exit codes of the program.
  enum class Kind : std::uint8_t {
    kFailure = 1,       // the operation failed
    kUsage = 2,         // the command line was wrong
    kFinding = 3,       // bad news: a gate tripped
    kPrivilege = 4,     // a privilege or a kernel feature is missing
    kDamagedInput = 5,  // input damaged, or of an unsupported version
    kNotRestored = 6,   // the state of the system could not be put back
  };
  Kind kind = Kind::kFailure;
  std::string where;  // "trace.quire: offset 4096", "--policy"; may be empty
  std::string what;   // what is wrong and what was expected
  std::string hint;   // what to do about it; may be empty

  // One line: "where: what; hint".
  [[nodiscard]] std::string line() const;
};

template <typename E>
[[nodiscard]] std::unexpected<std::decay_t<E>> fail(E&& e) {
  return std::unexpected<std::decay_t<E>>(std::forward<E>(e));
}

}  // namespace quire

// Gives the value of a Result, or returns its error from the function around.
#define QUIRE_TRY(...)                                                         \
  __extension__({                                                              \
    auto&& quire_try_result_ = (__VA_ARGS__);                                  \
    if (!quire_try_result_) return std::unexpected(quire_try_result_.error()); \
    *std::move(quire_try_result_);                                             \
  })
