// lab/own_advice.h - what programs would say about their own memory, besides
// what was recorded: so that changes narrower than the host can be replayed.
#pragma once

#include <cstdint>
#include <optional>

#include "policy/fault_orders.h"
#include "vm/address_space.h"
#include "vm/populate.h"

namespace quire::lab {

struct OwnAdvice {
  enum class Say : std::uint8_t {
    kNothing,
    kHugepage,
    kNohugepage,
    kDontFork,  // children get nothing of it
    kPopulate,  // its whole 2 MiB are written to at once, as memory of hugetlb is there at once; also when it
                // becomes writable
  };
  // MADV_COLLAPSE of all private anonymous memory, at once after a fork.
  enum class AfterFork : std::uint8_t { kNothing, kParentCollapses, kChildCollapses };
  // How the heap is meant too. As glibc 2.36 does under glibc.malloc.hugetlb=1: the break is
  // moved by whole 2 MiB, and what it moved by that much at once is advised.
  enum class Heap : std::uint8_t { kNo, kYes, kAsGlibc };

  Say say = Say::kNothing;
  Heap heap = Heap::kNo;
  // Private anonymous mappings that may be written to and are so long, as they are made.
  std::optional<ByteCount> mappings_from{};
  // prctl(PR_SET_THP_DISABLE) before the first exec.
  policy::ProcessThp process = policy::ProcessThp::kDefault;
  AfterFork after_fork = AfterFork::kNothing;

  bool operator==(const OwnAdvice&) const = default;
};

// Says it while a recording is replayed. Advice that is refused changes nothing,
// as for a program that does not look at what madvise returns.
class OwnAdvisor {
 public:
  explicit OwnAdvisor(const OwnAdvice& advice) : advice_(advice) {}

  void first_exec(vm::AddressSpace& mm) const;
  // Each answers with the faults that its advice took.
  vm::Populated mapped(vm::AddressSpace& mm, VirtRange range) const;
  vm::Populated protection_changed(vm::AddressSpace& mm, VirtRange range) const;
  // Where a break asked for at `wanted` goes.
  [[nodiscard]] VirtAddr break_for(const vm::AddressSpace& mm, VirtAddr wanted) const;
  vm::Populated break_moved(vm::AddressSpace& mm, VirtAddr from) const;
  // Whose memory is collapsed after a fork; null: nobody's.
  [[nodiscard]] vm::AddressSpace* collapses(vm::AddressSpace& parent, vm::AddressSpace& child) const;
  static void collapse_all(vm::AddressSpace& mm);

 private:
  vm::Populated say(vm::AddressSpace& mm, VirtRange range) const;
  const OwnAdvice advice_;
};

}  // namespace quire::lab
