// kernel/testing_reclaim.h - for tests only: a machine that reclaims, with a swap device.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "kernel/kernel.h"
#include "kernel/swap_devices.h"
#include "policy/parse.h"
#include "swap/testing_device.h"
#include "vm/fault.h"
#include "vm/syscalls.h"

namespace quire::testing {

struct ReclaimMachine {
  struct Spec {
    ByteCount ram = 32_MiB;
    ByteCount swap = 64_MiB;  // 0: none
    const char* policy = "never";
    reclaim::Options options{};
    phys::Contents contents = phys::Contents::kKept;
    std::optional<ZswapSettings> zswap = std::nullopt;
  };
  explicit ReclaimMachine(const Spec& spec) {
    auto made = kernel::Kernel::create({.ram = spec.ram, .contents = spec.contents},
                                       *policy::parse_policy(spec.policy));
    EXPECT_TRUE(made.has_value());
    kernel = std::move(*made);
    kernel->start_reclaim(spec.options);
    if (spec.zswap) {
      EXPECT_TRUE(kernel->start_zswap(*kernel::zswap_options(kernel->system(), *spec.zswap)).has_value());
    }
    if (spec.swap.raw() == 0) return;
    auto owned = std::make_unique<swap::testing::MapDevice>(PageCount::covering(spec.swap));
    device = owned.get();
    EXPECT_TRUE(kernel->swapon(std::move(owned)).has_value());
  }

  vm::AddressSpace& process(folio::GroupId group = folio::kRootGroup) {
    vm::AddressSpace& mm = kernel->create_address_space();
    mm.layout = vm::compute_layout(mm.limits.stack);
    mm.group = group;
    return mm;
  }
  static VirtAddr map(vm::AddressSpace& mm, ByteCount length) {
    vm::MmapRequest request;
    request.length = length;
    request.prot = vm::Prot::kRead | vm::Prot::kWrite;
    request.flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous;
    return vm::mmap(mm, request)->addr;
  }
  // Writes a number of its own into a page.
  static FaultResult write(vm::AddressSpace& mm, VirtAddr at, std::uint64_t value) {
    const FaultResult result = vm::access(mm, at, AccessKind::kWrite);
    if (is_served(result)) *word(mm, at) = value;
    return result;
  }
  // The number in a page, or ~0 when the access failed.
  static std::uint64_t read(vm::AddressSpace& mm, VirtAddr at) {
    return is_served(vm::access(mm, at, AccessKind::kRead)) ? *word(mm, at) : ~0ULL;
  }
  [[nodiscard]] std::uint64_t count(stats::VmEvent e) const { return kernel->system().counters.get(e); }
  [[nodiscard]] reclaim::Reclaimer& reclaimer() { return *kernel->reclaimer(); }
  [[nodiscard]] std::string broken() {
    base::InvariantReport report;
    kernel->check_invariants(report);
    return report.text();
  }

  std::unique_ptr<kernel::Kernel> kernel;
  swap::testing::MapDevice* device = nullptr;

 private:
  static std::uint64_t* word(vm::AddressSpace& mm, VirtAddr at) {
    return reinterpret_cast<std::uint64_t*>(mm.memory().bytes(vm::mapped_frame(mm, at)) +
                                            at.raw() % kPageSize);
  }
};

}  // namespace quire::testing
