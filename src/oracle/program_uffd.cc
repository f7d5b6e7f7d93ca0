#include "oracle/program_uffd.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "litmus/experiment.h"

namespace quire::litmus {
namespace {

uffdio_range range_of(const Command& c) { return {.start = c.addr, .len = c.length}; }

Answer do_register(int fd, const Command& c) {
  uffdio_register request{.range = range_of(c), .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
  return answer_to(::ioctl(fd, UFFDIO_REGISTER, &request));
}

Answer fill(int fd, std::uint64_t page, const void* source) {
  if (source == nullptr) {
    uffdio_zeropage request{.range = {.start = page, .len = kPageSize}, .mode = 0, .zeropage = 0};
    return answer_to(::ioctl(fd, UFFDIO_ZEROPAGE, &request));
  }
  uffdio_copy request{
      .dst = page, .src = reinterpret_cast<std::uint64_t>(source), .len = kPageSize, .mode = 0, .copy = 0};
  return answer_to(::ioctl(fd, UFFDIO_COPY, &request));
}

Answer fill_all(int fd, const Command& c, const void* source) {
  for (std::uint64_t offset = 0; offset < c.length; offset += kPageSize)
    if (const Answer answer = fill(fd, c.addr + offset, source); answer.error != 0) return answer;
  return {};
}

Answer protect(int fd, const Command& c, std::uint64_t mode) {
  uffdio_writeprotect request{.range = range_of(c), .mode = mode};
  return answer_to(::ioctl(fd, UFFDIO_WRITEPROTECT, &request));
}

}  // namespace

bool ProgramUffd::open() {
  if (fd_ >= 0) return true;
  fd_ = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  uffdio_api api{.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS, .ioctls = 0};
  return fd_ >= 0 && ::ioctl(fd_, UFFDIO_API, &api) == 0;
}

void ProgramUffd::forget() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Answer ProgramUffd::perform(const Command& c, void* scratch) {
  if (!open()) return {.error = errno};
  uffdio_range range = range_of(c);
  switch (static_cast<Uffd::Op>(c.number)) {
    case Uffd::Op::kRegister:
      return do_register(fd_, c);
    case Uffd::Op::kUnregister:
      return answer_to(::ioctl(fd_, UFFDIO_UNREGISTER, &range));
    case Uffd::Op::kCopy:
      std::memset(scratch, c.value, kPageSize);
      return fill_all(fd_, c, scratch);
    case Uffd::Op::kZero:
      return fill_all(fd_, c, nullptr);
    case Uffd::Op::kWake:
      return answer_to(::ioctl(fd_, UFFDIO_WAKE, &range));
    case Uffd::Op::kProtect:
      return protect(fd_, c, UFFDIO_WRITEPROTECT_MODE_WP);
    case Uffd::Op::kUnprotect:
      return protect(fd_, c, 0);
  }
  return {.error = EINVAL};
}

}  // namespace quire::litmus
