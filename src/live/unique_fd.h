// live/unique_fd.h - a file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace quire::live {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, kNone)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, kNone);
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] bool valid() const { return fd_ != kNone; }
  [[nodiscard]] int get() const { return fd_; }
  void reset() {
    if (valid()) ::close(std::exchange(fd_, kNone));
  }

 private:
  static constexpr int kNone = -1;  // what open(2) answers when it fails
  int fd_ = kNone;
};

}  // namespace quire::live
