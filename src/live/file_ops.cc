#include "live/file_ops.h"

#include <fcntl.h>
#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "live/unique_fd.h"

namespace quire::live {

std::errc last_errc() { return static_cast<std::errc>(errno); }

std::string message_of(std::errc error) { return std::make_error_code(error).message(); }

namespace {

Result<void, std::errc> write_all(int fd, const std::string& text) {
  const ssize_t n = ::write(fd, text.data(), text.size());
  if (n < 0) return fail(last_errc());
  if (static_cast<std::size_t>(n) != text.size()) return fail(std::errc::io_error);
  return {};
}

Result<void, std::errc> sync_directory(const std::filesystem::path& dir) {
  const UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail(last_errc());
  return {};
}

}  // namespace

Result<std::string, std::errc> FileOps::read(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(last_errc());
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(last_errc());
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

Result<void, std::errc> FileOps::write(const std::filesystem::path& path, const std::string& text) {
  // O_TRUNC means nothing to sysfs, but lets an ordinary file stand in for it.
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.valid()) return fail(last_errc());
  return write_all(fd.get(), text);
}

Result<void, std::errc> FileOps::replace(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path fresh = path.string() + ".new";
  {
    const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return fail(last_errc());
    QUIRE_TRY(write_all(fd.get(), text));
    if (::fsync(fd.get()) != 0) return fail(last_errc());
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail(last_errc());
  return sync_directory(path.parent_path());
}

Result<void, std::errc> FileOps::remove(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0) return fail(last_errc());
  return sync_directory(path.parent_path());
}

Result<void, std::errc> FileOps::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(last_errc());
  return {};
}

Result<void, std::errc> FileOps::swapoff(const std::filesystem::path& device) {
  if (::swapoff(device.c_str()) != 0) return fail(last_errc());
  return {};
}

FileOps& real_file_ops() {
  static FileOps ops;
  return ops;
}

}  // namespace quire::live
