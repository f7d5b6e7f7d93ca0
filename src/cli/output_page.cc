#include "cli/output_page.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "live/unique_fd.h"
#include "report/html/page.h"

namespace quire::cli {
namespace {

std::unexpected<Diagnostic> os_failure(const std::string& path, int error) {
  return fail(Diagnostic{Diagnostic::Kind::kFailure, path,
                         fmt::format("cannot be written: {}", std::strerror(error)),
                         "choose another name with -o"});
}

// Whether nobody would miss what is there.
Result<bool, Diagnostic> may_replace(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return true;
    return os_failure(path, errno);
  }
  if (!S_ISREG(info.st_mode)) return false;
  if (info.st_size == 0) return true;
  const live::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return os_failure(path, errno);
  std::array<char, report::kMarkBytes> beginning{};
  const ssize_t n = ::read(fd.get(), beginning.data(), beginning.size());
  if (n < 0) return os_failure(path, errno);
  return report::is_report({beginning.data(), static_cast<std::size_t>(n)});
}

Result<void, int> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return fail(errno);
  return {};
}

}  // namespace

Result<void, Diagnostic> write_page(const std::string& path, std::string_view page) {
  if (!QUIRE_TRY(may_replace(path)))
    return fail(Diagnostic{Diagnostic::Kind::kFailure, path,
                           "exists and is no report of Quire, so it is left alone",
                           "choose another name with -o"});
  std::string fresh = path + ".XXXXXX";
  const live::UniqueFd fd(::mkostemp(fresh.data(), O_CLOEXEC));  // mode 0600
  if (!fd.valid()) return os_failure(path, errno);
  int error = 0;
  if (const auto written = write_all(fd.get(), page); !written) {
    error = written.error();
  } else if (::rename(fresh.c_str(), path.c_str()) != 0) {
    error = errno;
  }
  if (error == 0) return {};
  ::unlink(fresh.c_str());
  return os_failure(path, error);
}

}  // namespace quire::cli
