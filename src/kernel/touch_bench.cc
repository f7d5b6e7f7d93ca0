// First touches without contents: what a replay does most. State is complete
// (page tables, descriptors, map counts, counters); only bytes are left out.
// The machine is new each time, so the host's own page faults for its tables
// and descriptors are in the figure.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "kernel/kernel.h"
#include "policy/parse.h"
#include "vm/fault.h"
#include "vm/syscalls.h"

namespace {

using namespace quire;

struct Machine {
  std::unique_ptr<kernel::Kernel> kernel;
  vm::AddressSpace* mm;
  VirtAddr arena;
};

Machine machine_with_arena(ByteCount ram, ByteCount arena, const char* policy) {
  auto kernel =
      kernel::Kernel::create({.ram = ram, .contents = phys::Contents::kNone}, *policy::parse_policy(policy));
  vm::AddressSpace& mm = (*kernel)->create_address_space();
  mm.layout = vm::compute_layout(mm.limits.stack);
  vm::MmapRequest request;
  request.length = arena;
  request.prot = vm::Prot::kRead | vm::Prot::kWrite;
  request.flags = vm::MapFlags::kPrivate | vm::MapFlags::kAnonymous;
  const auto mapped = vm::mmap(mm, request);
  QUIRE_CHECK(mapped.has_value());
  return {std::move(*kernel), &mm, mapped->addr};
}

enum Pattern : std::int64_t { kSequential, kRandom };

// The pages of the arena, each once.
std::vector<std::uint32_t> order_of_touches(Pattern pattern, std::size_t pages) {
  std::vector<std::uint32_t> order(pages);
  std::iota(order.begin(), order.end(), 0U);
  base::Rng rng(1);
  if (pattern == kRandom) {
    for (std::size_t i = pages - 1; i > 0; --i) std::swap(order[i], order[rng.below(i + 1)]);
  }
  return order;
}

void touch_all(const Machine& machine, const std::vector<std::uint32_t>& order) {
  for (const std::uint32_t page : order) {
    const auto end = vm::access(*machine.mm, machine.arena + PageCount(page), AccessKind::kWrite);
    QUIRE_CHECK(end == FaultResult::kMinor || end == FaultResult::kHit);
  }
}

// Every page of an arena of `range(0)` GiB is written once, under one policy.
void first_touches(benchmark::State& state, const char* policy, Pattern pattern) {
  const ByteCount arena(static_cast<std::uint64_t>(state.range(0)) << 30);
  const auto order = order_of_touches(pattern, arena.raw() >> kPageShift);
  for (auto _ : state) {
    state.PauseTiming();
    auto machine = machine_with_arena(arena + arena, arena, policy);
    state.ResumeTiming();
    touch_all(machine, order);
    state.PauseTiming();
    machine.kernel.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(order.size()));
}

BENCHMARK_CAPTURE(first_touches, sequential_4K, "never", kSequential)->Arg(4)->Arg(16);
BENCHMARK_CAPTURE(first_touches, random_4K, "never", kRandom)->Arg(4)->Arg(16);
BENCHMARK_CAPTURE(first_touches, sequential_64K, "64K", kSequential)->Arg(4);
BENCHMARK_CAPTURE(first_touches, random_64K, "64K", kRandom)->Arg(4);
BENCHMARK_CAPTURE(first_touches, random_2M, "2M", kRandom)->Arg(4);

}  // namespace
