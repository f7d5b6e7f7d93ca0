// lab/own_advice.h - what programs would say about their own memory, besides
// what was recorded: so that changes narrower than the host can be replayed.
#pragma once

#include <cstdint>
#include <optional>

#include "policy/fault_orders.h"
#include "vm/address_space.h"

namespace quire::lab {

struct OwnAdvice {
  enum class Say : std::uint8_t { kNothing, kHugepage, kNohugepage };
  // How the heap is meant too. As glibc 2.36 does under glibc.malloc.hugetlb=1: the break is
  // moved by whole 2 MiB, and what it moved by that much at once is advised.
  enum class Heap : std::uint8_t { kNo, kYes, kAsGlibc };

  Say say = Say::kNothing;
  Heap heap = Heap::kNo;
  // Private anonymous mappings that may be written to and are so long, as they are made.
  std::optional<ByteCount> mappings_from{};
  // prctl(PR_SET_THP_DISABLE) before the first exec.
  policy::ProcessThp process = policy::ProcessThp::kDefault;

  bool operator==(const OwnAdvice&) const = default;
};

// Says it while a recording is replayed. Advice that is refused changes nothing,
// as for a program that does not look at what madvise returns.
class OwnAdvisor {
 public:
  explicit OwnAdvisor(const OwnAdvice& advice) : advice_(advice) {}

  void first_exec(vm::AddressSpace& mm) const;
  void mapped(vm::AddressSpace& mm, VirtRange range) const;
  // Where a break asked for at `wanted` goes.
  [[nodiscard]] VirtAddr break_for(const vm::AddressSpace& mm, VirtAddr wanted) const;
  void break_moved(vm::AddressSpace& mm, VirtAddr from) const;

 private:
  void say(vm::AddressSpace& mm, VirtRange range) const;
  const OwnAdvice advice_;
};

}  // namespace quire::lab
