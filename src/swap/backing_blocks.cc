#include "swap/backing_blocks.h"

#include <algorithm>

#include "base/check.h"

namespace quire::swap {

std::optional<std::uint64_t> BackingBlocks::take() {
  while (lowest_ < used_.size() && used_[lowest_]) ++lowest_;
  if (lowest_ >= used_.size()) return std::nullopt;
  used_[lowest_] = true;
  ++count_;
  return lowest_;
}

void BackingBlocks::give_back(std::uint64_t block) {
  QUIRE_CHECK(block < used_.size() && used_[block]);
  used_[block] = false;
  --count_;
  lowest_ = std::min(lowest_, block);
}

}  // namespace quire::swap
