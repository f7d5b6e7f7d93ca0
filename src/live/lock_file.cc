#include "live/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>

#include "live/file_ops.h"
#include "live/host.h"

namespace quire::live {

namespace {

Diagnostic failure(const std::filesystem::path& path, std::string what) {
  return {Diagnostic::Kind::kFailure, path.string(), std::move(what), ""};
}

Result<void, Diagnostic> own_folder(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir.parent_path(), error);
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(failure(dir, "cannot be made: " + message_of(last_errc())));
  }
  struct stat info{};
  if (::lstat(dir.c_str(), &info) != 0) return fail(failure(dir, message_of(last_errc())));
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) {
    return fail(failure(dir, "is not a folder of this user"));
  }
  return {};
}

Diagnostic held_by_other(const std::filesystem::path& path) {
  const auto text = real_file_ops().read(path);
  const std::string pid = text ? chosen_word(*text) : "";
  return {Diagnostic::Kind::kFailure, path.string(),
          fmt::format("the settings of this host are held by process {}", pid.empty() ? "(unknown)" : pid),
          "wait for it to end"};
}

}  // namespace

Result<LockFile, Diagnostic> LockFile::take(const std::filesystem::path& path) {
  QUIRE_TRY(own_folder(path.parent_path()));
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail(failure(path, "cannot be opened: " + message_of(last_errc())));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(held_by_other(path));
    return fail(failure(path, "cannot be locked: " + message_of(last_errc())));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail(failure(path, "cannot be written: " + message_of(last_errc())));
  }
  return LockFile(std::move(fd));
}

}  // namespace quire::live
