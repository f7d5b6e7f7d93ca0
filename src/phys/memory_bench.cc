#include <benchmark/benchmark.h>

#include "phys/memory.h"

namespace {

using namespace quire;

// Allocate and free one block of each order, the machine otherwise idle.
void allocate_free(benchmark::State& state) {
  auto m = phys::PhysMemory::create({.ram = 1_GiB, .contents = phys::Contents::kNone});
  const Order order(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    const auto p = m->allocate(order);
    benchmark::DoNotOptimize(p);
    m->free(*p, order);
  }
}
BENCHMARK(allocate_free)->DenseRange(0, 9, 1)->Name("buddy/allocate_free/order");

}  // namespace
