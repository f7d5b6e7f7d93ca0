#include "exports/output.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "trace/file.h"

namespace quire::exports {
namespace {

// As open(2) would have made it.
void give_usual_mode(int fd) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  (void)::fchmod(fd, 0666 & ~mask);
}

}  // namespace

bool is_recording(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  const auto source = trace::ByteSource::open(path);
  std::array<std::byte, trace::kMagic.size()> first{};
  return source && source->size() >= first.size() && source->read(0, first) && trace::has_magic(first);
}

Result<Output, Diagnostic> Output::open(const std::string& path) {
  if (path.empty() || path == "-") return Output("standard output", "", stdout);
  if (is_recording(path))
    return fail(
        Diagnostic{Diagnostic::Kind::kUsage, path, "is a recording and is left alone", "name another file"});
  std::string part = path + ".part-XXXXXX";
  const int fd = ::mkstemp(part.data());
  if (fd < 0)
    return fail(Diagnostic{
        .where = path, .what = fmt::format("cannot be made: {}", std::strerror(errno)), .hint = ""});
  give_usual_mode(fd);
  return Output(path, std::move(part), ::fdopen(fd, "w"));
}

Output::Output(Output&& other) noexcept
    : path_(std::move(other.path_)),
      part_(std::exchange(other.part_, {})),
      file_(std::exchange(other.file_, nullptr)),
      error_(other.error_) {}

Output::~Output() {
  if (file_ == nullptr || part_.empty()) return;
  std::fclose(file_);
  ::unlink(part_.c_str());
}

void Output::write(std::string_view bytes) {
  if (error_ == 0 && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) error_ = errno;
}

Diagnostic Output::broken(int error) const {
  return {.where = path_, .what = fmt::format("cannot be written: {}", std::strerror(error)), .hint = ""};
}

Result<void, Diagnostic> Output::finish() {
  if (error_ == 0 && std::fflush(file_) != 0) error_ = errno;
  if (error_ != 0) return fail(broken(error_));
  if (part_.empty()) return {};
  std::FILE* const file = std::exchange(file_, nullptr);
  const bool closed = std::fclose(file) == 0;
  if (closed && ::rename(part_.c_str(), path_.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(part_.c_str());
  return fail(broken(error));
}

bool Output::is_terminal() const { return part_.empty() && ::isatty(STDOUT_FILENO) != 0; }

}  // namespace quire::exports
