// swap/backing_blocks.h - which blocks of a backing device are in use.
//
// Mirrors: alloc_block_bdev, free_block_bdev of drivers/block/zram/zram_drv.c,
// Linux 6.18: the lowest free one; block 0 is never used.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quire/types.h"

namespace quire::swap {

class BackingBlocks {
 public:
  BackingBlocks() = default;
  explicit BackingBlocks(PageCount size) : used_(size.raw()) {}

  [[nodiscard]] std::optional<std::uint64_t> take();
  void give_back(std::uint64_t block);
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  std::vector<bool> used_;
  std::uint64_t lowest_ = 1;  // no free block is below
  std::uint64_t count_ = 0;
};

}  // namespace quire::swap
