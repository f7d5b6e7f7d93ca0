// Touches while memory is short: every kind of lists, an arena of twice the RAM, no
// contents. The device costs nothing, so that the figure is reclaim's, swap's and the
// fault's. The bar is a million touches a second on one core.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/rng.h"
#include "kernel/kernel.h"
#include "policy/parse.h"
#include "vm/fault.h"
#include "vm/syscalls.h"

namespace {

using namespace quire;

class NoDevice final : public swap::Backend {
 public:
  explicit NoDevice(PageCount size) : size_(size) {}
  [[nodiscard]] std::string_view name() const override { return "none"; }
  [[nodiscard]] swap::Traits traits() const override { return {.block_device = true, .synchronous = true}; }
  [[nodiscard]] PageCount size() const override { return size_; }
  [[nodiscard]] Result<void, swap::IoError> write(std::uint64_t, swap::Pages) override { return {}; }
  [[nodiscard]] Result<void, swap::IoError> read(std::uint64_t, swap::Pages) override { return {}; }
  void slots_freed(std::uint64_t, PageCount) override {}

 private:
  PageCount size_;
};

constexpr ByteCount kRam = 256_MiB;
constexpr std::uint64_t kPages = 2 * kRam.raw() >> kPageShift;

struct Machine {
  Machine(reclaim::LruKind lru, const char* policy) {
    kernel = std::move(*kernel::Kernel::create({.ram = kRam, .contents = phys::Contents::kNone},
                                               *policy::parse_policy(policy)));
    kernel->start_reclaim({.lru = lru});
    QUIRE_CHECK(kernel->swapon(std::make_unique<NoDevice>(PageCount(2 * kPages))).has_value());
    mm = &kernel->create_address_space();
    mm->layout = vm::compute_layout(mm->limits.stack);
    vm::MmapRequest request;
    request.length = PageCount(kPages).bytes();
    request.prot = vm::Prot::kRead | vm::Prot::kWrite;
    request.flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous;
    arena = vm::mmap(*mm, request)->addr;
    for (std::uint64_t i = 0; i < kPages; ++i) touch(i);
  }
  void touch(std::uint64_t page) {
    QUIRE_CHECK(is_served(vm::access(*mm, arena + PageCount(page), AccessKind::kWrite)));
  }
  std::unique_ptr<kernel::Kernel> kernel;
  vm::AddressSpace* mm = nullptr;
  VirtAddr arena;
};

// Nine touches of ten go to a tenth of the pages; the others anywhere.
std::uint64_t mostly_hot(base::Rng& rng) { return rng.below(rng.chance(90) ? kPages / 10 : kPages); }
std::uint64_t anywhere(base::Rng& rng) { return rng.below(kPages); }

void touches(benchmark::State& state, reclaim::LruKind lru, const char* policy,
             std::uint64_t (*where)(base::Rng&)) {
  Machine machine(lru, policy);
  base::Rng rng(1);
  const auto before = machine.kernel->system().counters.get(stats::VmEvent::pswpin);
  for (auto _ : state) machine.touch(where(rng));
  const auto read = machine.kernel->system().counters.get(stats::VmEvent::pswpin) - before;
  state.SetItemsProcessed(state.iterations());
  state.counters["swapped_in_per_touch"] =
      static_cast<double>(read) /
      static_cast<double>(std::max<benchmark::IterationCount>(state.iterations(), 1));
}

using reclaim::LruKind;
BENCHMARK_CAPTURE(touches, classic_hot_4K, LruKind::kClassic, "never", mostly_hot);
BENCHMARK_CAPTURE(touches, generations_hot_4K, LruKind::kGenerations, "never", mostly_hot);
BENCHMARK_CAPTURE(touches, dual_hot_4K, LruKind::kDual, "never", mostly_hot);
BENCHMARK_CAPTURE(touches, classic_hot_64K, LruKind::kClassic, "64K", mostly_hot);
BENCHMARK_CAPTURE(touches, generations_hot_64K, LruKind::kGenerations, "64K", mostly_hot);
BENCHMARK_CAPTURE(touches, classic_random_4K, LruKind::kClassic, "never", anywhere);
BENCHMARK_CAPTURE(touches, generations_random_4K, LruKind::kGenerations, "never", anywhere);
BENCHMARK_CAPTURE(touches, dual_random_4K, LruKind::kDual, "never", anywhere);

}  // namespace
