// Codecs on made-up memory (structures with pointers): time for one unit.
// What real memory compresses to is measured by image_bench.cc.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "compress/codec.h"
#include "compress/testing_bytes.h"

namespace {

using namespace quire;
using namespace quire::compress;
using compress::testing::Bytes;

void compress_unit(benchmark::State& state, Algorithm algorithm) {
  Codec codec = *Codec::create({.algorithm = algorithm});
  const auto unit = static_cast<std::size_t>(state.range(0));
  const Bytes in = compress::testing::bytes_of(compress::testing::Kind::kPointers, unit, 1);
  Bytes out(codec.bound(ByteCount(unit)).raw());
  for (auto _ : state) benchmark::DoNotOptimize(codec.compress(in, out));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void decompress_unit(benchmark::State& state, Algorithm algorithm) {
  Codec codec = *Codec::create({.algorithm = algorithm});
  const auto unit = static_cast<std::size_t>(state.range(0));
  Bytes in = compress::testing::bytes_of(compress::testing::Kind::kPointers, unit, 1);
  Bytes packed(codec.bound(ByteCount(unit)).raw());
  packed.resize(codec.compress(in, packed)->raw());
  for (auto _ : state) benchmark::DoNotOptimize(codec.decompress(packed, in).has_value());
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

const int registered = [] {
  for (const Algorithm algorithm : {Algorithm::kLzo, Algorithm::kLz4, Algorithm::kZstd})
    for (const auto& [what, fn] : {std::pair{"compress", &compress_unit}, {"decompress", &decompress_unit}})
      benchmark::RegisterBenchmark(fmt::format("codec/{}/{}", name(algorithm), what).c_str(), fn, algorithm)
          ->Arg(4096)
          ->Arg(16384)
          ->Arg(65536);
  return 0;
}();

}  // namespace
