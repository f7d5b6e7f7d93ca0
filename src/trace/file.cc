#include "trace/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace quire::trace {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    (void)close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() { (void)close(); }

bool Descriptor::close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

Diagnostic os_failure(const std::string& path, const std::string& what, int error) {
  return {.kind = Diagnostic::Kind::kFailure,
          .where = path,
          .what = fmt::format("{}: {}", what, std::strerror(error)),
          .hint = error == EACCES || error == EPERM ? "check who owns it and its permissions" : ""};
}

// ---- reading ------------------------------------------------------------

Result<ByteSource, Diagnostic> ByteSource::open(const std::string& path) {
  // Non-blocking, so that a fifo by this name cannot hold us.
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail(os_failure(path, "cannot open the recording", errno));
  struct stat info{};
  if (::fstat(fd.raw(), &info) != 0) return fail(os_failure(path, "cannot look at the recording", errno));
  if (!S_ISREG(info.st_mode)) {
    return fail(Diagnostic{.where = path, .what = "not a regular file", .hint = ""});
  }
  ByteSource source;
  source.name_ = path;
  source.size_ = static_cast<std::uint64_t>(info.st_size);
  source.from_ = std::move(fd);
  return source;
}

ByteSource ByteSource::copy_of(Bytes bytes) {
  ByteSource source;
  source.name_ = "memory";
  source.size_ = bytes.size();
  source.from_ = std::vector<std::byte>(bytes.begin(), bytes.end());
  return source;
}

Result<void, Diagnostic> ByteSource::read(std::uint64_t offset, std::span<std::byte> to) const {
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&from_)) {
    std::copy_n(bytes->begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    return {};
  }
  const int fd = std::get<Descriptor>(from_).raw();
  while (!to.empty()) {
    const ssize_t got = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(os_failure(name_, "cannot read the recording", errno));
    if (got == 0)
      return fail(Diagnostic{.where = name_, .what = "became shorter while being read", .hint = ""});
    to = to.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

// ---- writing ------------------------------------------------------------

namespace {

enum class Present : std::uint8_t { kNothing, kEmpty, kRecording, kOther };

Result<Present, Diagnostic> what_is_at(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Present::kNothing;
    return fail(os_failure(path, "cannot make the recording", errno));
  }
  if (!S_ISREG(info.st_mode)) return Present::kOther;
  if (info.st_size == 0) return Present::kEmpty;
  ByteSource source = QUIRE_TRY(ByteSource::open(path));
  std::array<std::byte, kMagic.size()> first{};
  if (source.size() < first.size()) return Present::kOther;
  QUIRE_TRY(source.read(0, first));
  return has_magic(first) ? Present::kRecording : Present::kOther;
}

Diagnostic not_ours(const std::string& path) {
  return {.kind = Diagnostic::Kind::kFailure,
          .where = path,
          .what = "exists and is not a Quire recording, so it is left alone",
          .hint = "choose another name with -o"};
}

// Moves an earlier recording out of the way, over an older one if need be.
Result<void, Diagnostic> rotate(const std::string& path) {
  const std::string old = path + ".old";
  if (QUIRE_TRY(what_is_at(old)) == Present::kOther) return fail(not_ours(old));
  if (::rename(path.c_str(), old.c_str()) != 0) {
    return fail(os_failure(path, fmt::format("cannot move the earlier recording to {}", old), errno));
  }
  return {};
}

}  // namespace

Result<OutputFile, Diagnostic> OutputFile::create(const std::string& path) {
  const Present present = QUIRE_TRY(what_is_at(path));
  if (present == Present::kOther) return fail(not_ours(path));
  if (present == Present::kRecording) QUIRE_TRY(rotate(path));
  // An empty file, as mktemp leaves it, is taken over; otherwise the name must
  // still be free, so that nobody can slip a link under us.
  const int how = present == Present::kEmpty ? O_NOFOLLOW : O_CREAT | O_EXCL;
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | how, 0600));
  if (!fd.valid()) return fail(os_failure(path, "cannot make the recording", errno));
  return OutputFile(path, std::move(fd), 0);
}

Result<OutputFile, Diagnostic> OutputFile::append_at(const std::string& path, std::uint64_t end) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return fail(os_failure(path, "cannot add to the recording", errno));
  const auto place = static_cast<off_t>(end);
  if (::ftruncate(fd.raw(), place) != 0 || ::lseek(fd.raw(), place, SEEK_SET) != place) {
    return fail(os_failure(path, "cannot add to the recording", errno));
  }
  return OutputFile(path, std::move(fd), end);
}

Result<void, Diagnostic> OutputFile::write(Bytes bytes) {
  const std::uint64_t length = bytes.size();
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_.raw(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int error = errno;
      // Best effort: a torn chunk at the end would be skipped by readers too.
      if (::ftruncate(fd_.raw(), static_cast<off_t>(end_)) == 0)
        ::lseek(fd_.raw(), static_cast<off_t>(end_), SEEK_SET);
      return fail(os_failure(path_, "cannot write to the recording", error));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  end_ += length;
  return {};
}

Result<void, Diagnostic> OutputFile::close() {
  if (!fd_.close()) return fail(os_failure(path_, "cannot finish the recording", errno));
  return {};
}

}  // namespace quire::trace
