// phys/block_pool.h - free blocks of one order that are kept from everybody else.
//
// Mirrors: the pool of 64 KiB folios of OPPO's kernels (system 49): large folios
// come from it, and reclaim that frees large folios fills it.
#pragma once

#include <cstdint>
#include <vector>

#include "quire/types.h"

namespace quire::phys {

// Invariants  : I-MEM-3
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(Order order, std::uint64_t target) : order_(order), target_(target) {}

  // The order it keeps. 0: there is no pool.
  [[nodiscard]] Order order() const { return order_; }
  // How many blocks it should hold.
  [[nodiscard]] std::uint64_t target() const { return order_ == kOrder0 ? 0 : target_; }
  [[nodiscard]] const std::vector<Pfn>& blocks() const { return blocks_; }
  [[nodiscard]] bool full() const { return blocks_.size() >= target(); }
  [[nodiscard]] PageCount pages() const { return PageCount(blocks_.size() * order_.pages().raw()); }
  // Allocations that it served.
  [[nodiscard]] std::uint64_t served() const { return served_; }

  void put(Pfn first) { blocks_.push_back(first); }
  // The block that came last. Only where there is one.
  [[nodiscard]] Pfn serve() {
    ++served_;
    return pop();
  }
  [[nodiscard]] Pfn pop() {
    const Pfn first = blocks_.back();
    blocks_.pop_back();
    return first;
  }

 private:
  Order order_;
  std::uint64_t target_ = 0;
  std::uint64_t served_ = 0;
  std::vector<Pfn> blocks_;
};

}  // namespace quire::phys
