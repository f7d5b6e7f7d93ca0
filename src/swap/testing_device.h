// swap/testing_device.h - a swap device for tests: a map, with the traits and
// the faults that a test wants.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <string>

#include "swap/backend.h"

namespace quire::swap::testing {

class MapDevice final : public Backend {
 public:
  using Page = std::array<std::byte, kPageSize>;

  explicit MapDevice(PageCount size, Traits traits = {.block_device = true, .synchronous = true})
      : size_(size), traits_(traits) {}

  [[nodiscard]] std::string_view name() const override { return "map"; }
  [[nodiscard]] Traits traits() const override { return traits_; }
  [[nodiscard]] PageCount size() const override { return size_; }

  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override {
    if (fails_to_write) return std::unexpected(IoError::kWrite);
    ++writes;
    for (std::uint64_t i = 0; i < pages.count.raw(); ++i) {
      Page& page = held[slot + i];
      if (pages.bytes != nullptr) std::memcpy(page.data(), pages.bytes + i * kPageSize, kPageSize);
    }
    return {};
  }
  [[nodiscard]] Result<void, IoError> read(std::uint64_t slot, Pages pages) override {
    if (fails_to_read) return std::unexpected(IoError::kRead);
    ++reads;
    for (std::uint64_t i = 0; i < pages.count.raw(); ++i) {
      const auto found = held.find(slot + i);
      if (found == held.end()) return std::unexpected(IoError::kCorrupt);
      if (pages.bytes != nullptr) std::memcpy(pages.bytes + i * kPageSize, found->second.data(), kPageSize);
    }
    return {};
  }
  void slots_freed(std::uint64_t slot, PageCount count) override {
    frees += count.raw();
    for (std::uint64_t i = 0; i < count.raw(); ++i) held.erase(slot + i);
  }
  void discard(std::uint64_t, PageCount) override { ++discards; }

  std::map<std::uint64_t, Page> held;
  std::uint64_t writes = 0, reads = 0, frees = 0, discards = 0;
  bool fails_to_write = false;
  bool fails_to_read = false;

 private:
  PageCount size_;
  Traits traits_;
};

}  // namespace quire::swap::testing
