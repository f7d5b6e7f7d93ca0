// Compression on one and on two threads: a batch of 32 units of 64 KiB, as a
// 2 MiB folio is one. Time is that of a clock: two threads take as much CPU time as one.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "compress/codec_pool.h"
#include "compress/testing_bytes.h"

namespace {

using namespace quire;
using namespace quire::compress;
using compress::testing::Bytes;

constexpr std::int64_t kUnits = 32, kUnit = 65536;

void batch(benchmark::State& state, Algorithm algorithm) {
  CodecPool pool = *CodecPool::create({.algorithm = algorithm}, static_cast<unsigned>(state.range(0)));
  std::vector<Bytes> in, out;
  std::vector<CodecJob> jobs;
  for (std::uint64_t n = 0; n < kUnits; ++n) {
    in.push_back(compress::testing::bytes_of(compress::testing::Kind::kPointers, kUnit, n));
    out.emplace_back(pool.codec().bound(ByteCount(kUnit)).raw());
  }
  for (std::uint64_t n = 0; n < kUnits; ++n) jobs.push_back({in[n], out[n]});
  for (auto _ : state) benchmark::DoNotOptimize(pool.compress(jobs));
  state.SetBytesProcessed(state.iterations() * kUnits * kUnit);
}

const int registered = [] {
  for (const Algorithm algorithm : {Algorithm::kLzo, Algorithm::kLz4, Algorithm::kZstd})
    benchmark::RegisterBenchmark(fmt::format("codec_pool/{}/threads", name(algorithm)).c_str(), batch,
                                 algorithm)
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime();
  return 0;
}();

}  // namespace
