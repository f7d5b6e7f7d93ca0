#include "swap/plain_device.h"

#include <utility>

namespace quire::swap {
namespace {

constexpr Traits block(DiskTraits disk = {}) {
  return {
      .block_device = true, .synchronous = false, .rotational = disk.rotational, .discards = disk.discards};
}
constexpr Traits file(DiskTraits disk = {}) {
  return {
      .block_device = false, .synchronous = false, .rotational = disk.rotational, .discards = disk.discards};
}

Result<std::unique_ptr<PlainDevice>, Errno> open(const std::filesystem::path& path, Traits traits) {
  return std::make_unique<PlainDevice>(path.string(), QUIRE_TRY(pages_in_file(path)), traits);
}

}  // namespace

PlainDevice::PlainDevice(std::string name, std::unique_ptr<PageStore> store, Traits traits)
    : name_(std::move(name)), store_(std::move(store)), traits_(traits) {}

bool PlainDevice::inside(std::uint64_t slot, PageCount count) const {
  return slot < size().raw() && count.raw() <= size().raw() - slot;
}

Result<void, IoError> PlainDevice::write(std::uint64_t slot, Pages pages) {
  if (!inside(slot, pages.count)) return fail(IoError::kWrite);
  if (pages.bytes != nullptr && !store_->write(slot, pages.bytes, pages.count)) return fail(IoError::kWrite);
  stats_.written += pages.count.raw();
  return {};
}

Result<void, IoError> PlainDevice::read(std::uint64_t slot, Pages pages) {
  if (!inside(slot, pages.count)) return fail(IoError::kRead);
  if (pages.bytes != nullptr && !store_->read(slot, pages.bytes, pages.count)) return fail(IoError::kRead);
  stats_.read += pages.count.raw();
  return {};
}

void PlainDevice::slots_freed(std::uint64_t slot, PageCount count) {
  if (!inside(slot, count)) return;
  stats_.freed += count.raw();
  store_->forget(slot, count);
}

void PlainDevice::discard(std::uint64_t slot, PageCount count) {
  if (!inside(slot, count)) return;
  stats_.discarded += count.raw();
  store_->forget(slot, count);
}

std::unique_ptr<PlainDevice> block_device(PageCount size, std::string name, DiskTraits disk) {
  return std::make_unique<PlainDevice>(std::move(name), pages_in_memory(size), block(disk));
}
Result<std::unique_ptr<PlainDevice>, Errno> block_device(const std::filesystem::path& path) {
  return open(path, block());
}
std::unique_ptr<PlainDevice> swap_file(PageCount size, std::string name, DiskTraits disk) {
  return std::make_unique<PlainDevice>(std::move(name), pages_in_memory(size), file(disk));
}
Result<std::unique_ptr<PlainDevice>, Errno> swap_file(const std::filesystem::path& path) {
  return open(path, file());
}

}  // namespace quire::swap
