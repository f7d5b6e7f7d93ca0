// The pool alone, on frames of the heap.
#include <benchmark/benchmark.h>

#include "base/rng.h"
#include "compress/testing_bytes.h"
#include "compress/zsmalloc.h"

namespace {

using namespace quire;
using namespace quire::compress;
using compress::testing::Bytes;

// A pool of `count` objects of sizes as pages compress to.
std::vector<ZsHandle> fill(ZsPool& pool, std::size_t count) {
  base::Rng rng(1);
  std::vector<ZsHandle> handles;
  for (std::size_t n = 0; n < count; ++n) handles.push_back(*pool.allocate(ByteCount(200 + rng.below(2200))));
  return handles;
}

// One object leaves, another of another size comes.
void replace(benchmark::State& state) {
  HeapPages pages;
  ZsPool pool(pages);
  std::vector<ZsHandle> handles = fill(pool, 10000);
  base::Rng rng(2);
  for (auto _ : state) {
    ZsHandle& handle = handles[rng.below(handles.size())];
    pool.free(handle);
    handle = *pool.allocate(ByteCount(200 + rng.below(2200)));
  }
}
BENCHMARK(replace)->Name("zsmalloc/free_and_allocate");

void write_and_read(benchmark::State& state) {
  HeapPages pages;
  ZsPool pool(pages);
  const std::vector<ZsHandle> handles = fill(pool, 10000);
  const Bytes bytes(200);
  Bytes scratch(200);
  base::Rng rng(3);
  for (auto _ : state) {
    const ZsHandle handle = handles[rng.below(handles.size())];
    pool.write(handle, bytes);
    benchmark::DoNotOptimize(pool.read(handle, ByteCount(200), scratch).data());
  }
}
BENCHMARK(write_and_read)->Name("zsmalloc/write_and_read_200_bytes");

// Compaction after two of three objects have gone; time for each page won.
void compact(benchmark::State& state) {
  std::uint64_t won = 0;
  for (auto _ : state) {
    state.PauseTiming();
    {
      HeapPages pages;
      ZsPool pool(pages);
      const std::vector<ZsHandle> handles = fill(pool, 10000);
      for (std::size_t n = 0; n < handles.size(); ++n)
        if (n % 3 != 0) pool.free(handles[n]);
      state.ResumeTiming();
      won += pool.compact().raw();
      state.PauseTiming();
    }
    state.ResumeTiming();
  }
  state.counters["per_page_won"] =
      benchmark::Counter(static_cast<double>(won), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(compact)->Name("zsmalloc/compact")->Unit(benchmark::kMicrosecond);

}  // namespace
