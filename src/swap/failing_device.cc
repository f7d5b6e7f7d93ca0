#include "swap/failing_device.h"

namespace quire::swap {

void FailingDevice::set(const FailingOptions& options) {
  options_ = options;
  writes_ = reads_ = 0;
}

Result<void, IoError> FailingDevice::write(std::uint64_t slot, Pages pages) {
  if (options_.writes.hit(++writes_)) {
    ++failed_;
    return fail(options_.write_error);
  }
  return behind_->write(slot, pages);
}

Result<void, IoError> FailingDevice::read(std::uint64_t slot, Pages pages) {
  if (options_.reads.hit(++reads_)) {
    ++failed_;
    return fail(options_.read_error);
  }
  const Result<void, IoError> done = behind_->read(slot, pages);
  if (done && pages.bytes != nullptr && options_.corrupt_reads.hit(reads_)) {
    ++failed_;
    pages.bytes[reads_ * 97 % kPageSize] ^= std::byte{0x10};
  }
  return done;
}

}  // namespace quire::swap
