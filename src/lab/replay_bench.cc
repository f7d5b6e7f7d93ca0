// A whole replay: a recording of first touches is decompressed, checked,
// decoded and driven through the kernel under a policy, on one core.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "lab/replay.h"
#include "policy/parse.h"
#include "trace/test_recording.h"

namespace {

using namespace quire;
using trace::Event;
using trace::Kind;
using trace::VmaBits;

constexpr std::uint64_t kArena = 0x7f0000000000;
constexpr std::uint64_t kStackTop = 0x7ffffffff000;

enum Pattern : std::int64_t { kSequential, kRandom };

Event mapping(std::uint64_t begin, std::uint64_t end, std::uint64_t bits) {
  return trace::testing::record(Kind::kVma, 1, 1,
                                {begin, end, VmaBits::kRead | VmaBits::kWrite | bits, begin >> 12});
}

// One program that writes each page of its arena once.
std::vector<std::byte> recording(Pattern pattern, std::size_t pages) {
  std::vector<std::uint32_t> order(pages);
  std::iota(order.begin(), order.end(), 0U);
  base::Rng rng(1);
  if (pattern == kRandom) {
    for (std::size_t i = pages - 1; i > 0; --i) std::swap(order[i], order[rng.below(i + 1)]);
  }
  const trace::testing::TempDir dir;
  auto writer = trace::Writer::create(dir.file("r"), trace::testing::full_header());
  QUIRE_CHECK(writer.has_value());
  const auto append = [&](const Event& e) { QUIRE_CHECK(writer->append(e).has_value()); };
  append(trace::testing::record(
      Kind::kExec, 1, 1, {0, 0x555555559000, 0x555555559000, kStackTop - 64, kStackTop - 8, kStackTop - 64},
      static_cast<std::int64_t>(kStackTop)));
  append(mapping(kArena, kArena + pages * kPageSize, 0));
  append(mapping(kStackTop - (132ULL << 10), kStackTop, VmaBits::kStack | VmaBits::kGrowsDown));
  std::uint64_t time = 0;
  for (const std::uint32_t page : order) {
    time += rng.below(4);
    append(trace::testing::touch(1, 1, kArena + page * kPageSize + rng.below(512) * 8, time));
  }
  QUIRE_CHECK(writer->finish(trace::testing::full_summary()).has_value());
  return trace::testing::bytes_of(dir.file("r"));
}

// range(0): GiB touched.
void replay(benchmark::State& state, const char* policy, Pattern pattern) {
  const std::size_t pages = static_cast<std::size_t>(state.range(0)) << 18;
  const auto bytes = recording(pattern, pages);
  auto reader = trace::Reader::from_bytes(bytes);
  QUIRE_CHECK(reader.has_value());
  const lab::ReplayOptions options{.settings = *policy::parse_policy(policy)};
  for (auto _ : state) {
    const auto result = lab::replay(*reader, options);
    QUIRE_CHECK(result.has_value() && result->touches == pages && result->refused == 0);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(pages));
  state.counters["bytes_per_event"] = static_cast<double>(bytes.size()) / static_cast<double>(pages);
}

BENCHMARK_CAPTURE(replay, sequential_4K, "never", kSequential)->Arg(4);
BENCHMARK_CAPTURE(replay, random_4K, "never", kRandom)->Arg(4);
BENCHMARK_CAPTURE(replay, sequential_all, "all", kSequential)->Arg(4);
BENCHMARK_CAPTURE(replay, random_2M, "2M", kRandom)->Arg(4);

}  // namespace
