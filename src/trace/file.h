// trace/file.h - the two ends of a recording on disk: bytes to read at a
// place, bytes to append.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "quire/result.h"
#include "trace/format.h"

namespace quire::trace {

// An open file descriptor, closed when dropped.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  [[nodiscard]] int raw() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  // False when the last writes did not reach the file after all (errno says why).
  [[nodiscard]] bool close();

 private:
  int fd_;
};

// A Diagnostic of kind kFailure that says what errno says.
[[nodiscard]] Diagnostic os_failure(const std::string& path, const std::string& what, int error);

// The bytes of a recording: a regular file, or a copy in memory.
class ByteSource {
 public:
  [[nodiscard]] static Result<ByteSource, Diagnostic> open(const std::string& path);
  [[nodiscard]] static ByteSource copy_of(Bytes bytes);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Fills all of `to` from `offset`, which together lie within size().
  [[nodiscard]] Result<void, Diagnostic> read(std::uint64_t offset, std::span<std::byte> to) const;

 private:
  ByteSource() = default;
  std::string name_;
  std::uint64_t size_ = 0;
  std::variant<std::vector<std::byte>, Descriptor> from_;
};

// A recording that grows. A write that fails is taken back, so that the file
// never ends inside a chunk while the process lives.
class OutputFile {
 public:
  // As Writer::create: rotates a recording to NAME.old, refuses anything else.
  [[nodiscard]] static Result<OutputFile, Diagnostic> create(const std::string& path);
  // An existing recording to be continued at `end`; what lies behind it goes.
  [[nodiscard]] static Result<OutputFile, Diagnostic> append_at(const std::string& path, std::uint64_t end);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Result<void, Diagnostic> write(Bytes bytes);
  [[nodiscard]] Result<void, Diagnostic> close();

 private:
  OutputFile(std::string path, Descriptor fd, std::uint64_t end)
      : path_(std::move(path)), fd_(std::move(fd)), end_(end) {}
  std::string path_;
  Descriptor fd_;
  std::uint64_t end_;
};

}  // namespace quire::trace
