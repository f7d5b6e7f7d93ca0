#include "quire/result.h"

#include <fmt/format.h>

namespace quire {

const char* errno_name(Errno e) {
  switch (e) {
    case Errno::kPerm:
      return "EPERM";
    case Errno::kNoEnt:
      return "ENOENT";
    case Errno::kIo:
      return "EIO";
    case Errno::kSrch:
      return "ESRCH";
    case Errno::kTooBig:
      return "E2BIG";
    case Errno::kBadF:
      return "EBADF";
    case Errno::kAgain:
      return "EAGAIN";
    case Errno::kNoMem:
      return "ENOMEM";
    case Errno::kAcces:
      return "EACCES";
    case Errno::kFault:
      return "EFAULT";
    case Errno::kNotBlk:
      return "ENOTBLK";
    case Errno::kBusy:
      return "EBUSY";
    case Errno::kExist:
      return "EEXIST";
    case Errno::kNoDev:
      return "ENODEV";
    case Errno::kNotDir:
      return "ENOTDIR";
    case Errno::kIsDir:
      return "EISDIR";
    case Errno::kInval:
      return "EINVAL";
    case Errno::kNoSpc:
      return "ENOSPC";
    case Errno::kRange:
      return "ERANGE";
    case Errno::kNoSys:
      return "ENOSYS";
    case Errno::kOpNotSupp:
      return "EOPNOTSUPP";
  }
  return "E?";
}

std::string Diagnostic::line() const {
  std::string out;
  if (!where.empty()) out = where + ": ";
  out += what;
  if (!hint.empty()) out += "; " + hint;
  return out;
}

}  // namespace quire
