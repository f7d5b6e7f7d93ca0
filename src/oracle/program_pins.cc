#include "oracle/program_pins.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace quire::litmus {
namespace {

iovec bytes_at(std::uint64_t addr, std::uint64_t length) {
  return {.iov_base = reinterpret_cast<void*>(addr), .iov_len = length};
}

int open_ring() {
  io_uring_params params{};
  return static_cast<int>(::syscall(SYS_io_uring_setup, 1, &params));
}

void give_back(int ring) {
  ::syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, nullptr, 0);
  ::close(ring);
}

}  // namespace

Answer ProgramPins::pin(const Command& c) {
  const int ring = count_ < pins_.size() ? open_ring() : -1;
  if (ring < 0) return {.error = count_ < pins_.size() ? errno : ENOSPC};
  const iovec buffer = bytes_at(c.addr, c.length);
  const Answer answer =
      answer_to(::syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1));
  if (answer.error != 0) {
    ::close(ring);
  } else {
    pins_[count_++] = {c.addr, c.length, ring};
  }
  return answer;
}

Answer ProgramPins::unpin(const Command& c) {
  for (unsigned i = count_; i > 0; --i) {
    if (pins_[i - 1].addr != c.addr || pins_[i - 1].length != c.length) continue;
    give_back(pins_[i - 1].ring);
    for (unsigned next = i; next < count_; ++next) pins_[next - 1] = pins_[next];
    --count_;
    return {};
  }
  return {.error = EINVAL};
}

Answer ProgramPins::pin_to_read(const Command& c) {
  for (std::uint64_t offset = 0; offset < c.length; offset += kPageSize) {
    char byte = 0;
    const iovec here = bytes_at(reinterpret_cast<std::uint64_t>(&byte), 1);
    const iovec there = bytes_at(c.addr + offset, 1);
    const Answer answer = answer_to(::syscall(SYS_process_vm_readv, ::getpid(), &here, 1, &there, 1, 0));
    if (answer.error != 0) return answer;
  }
  return {};
}

void ProgramPins::drop_all() {
  while (count_ > 0) give_back(pins_[--count_].ring);
}

void ProgramPins::forget() {
  while (count_ > 0) ::close(pins_[--count_].ring);
}

}  // namespace quire::litmus
