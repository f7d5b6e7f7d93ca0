// Swap-out and swap-in of 64 KiB folios with their bytes, lz4 on zram: our engine
// beside the running kernel, one after the other, in one run. Each repetition gives
// both times and their ratio.
//
// The whole way counts on both sides: MADV_PAGEOUT from the system call on, that is
// unmapping, slots, compression and the pool; and the fault that brings a folio
// back. Times are CPU time of the thread that works, ns for each 4 KiB. What the
// worker pool gains is wall-clock time, and of our engine alone.
//
// The kernel's side needs root and zram; without them it says why it is not there.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "lab/testing_both_sides.h"
#include "live/settings_guard.h"
#include "live/zram.h"
#include "policy/parse.h"
#include "quire/kernel.h"

namespace {

using namespace quire;
using namespace quire::lab::testing;

constexpr ByteCount kArena = 32_MiB;
constexpr ByteCount kDevice = 256_MiB;
constexpr ByteCount kFolio = 64_KiB;
constexpr const char* kPolicy = "thp_anon=64K:madvise";

// Numbers, pointers and words, as heaps have them: lz4 makes less than half of it.
std::vector<std::byte> heap_like_bytes() {
  constexpr std::array<std::string_view, 8> kWords{"folio",  "anonymous", "mapping", "reclaim",
                                                   "zspage", "cluster",   "fault",   "compress"};
  std::mt19937_64 random(42);
  std::string text;
  while (text.size() < kArena.raw()) {
    const std::uint64_t draw = random();
    text += kWords[draw % kWords.size()];
    const std::uint64_t pointer = 0x7f5500000000 + (draw >> 40);
    text.append(reinterpret_cast<const char*>(&pointer), sizeof pointer);
    text.append(draw >> 8 & 15, '\0');
  }
  text.resize(kArena.raw());
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

const std::vector<std::byte>& contents() {
  static const std::vector<std::byte> bytes = heap_like_bytes();
  return bytes;
}

enum class Clock : int { kCpu, kWall };

double now_ns(Clock clock) {
  if (clock == Clock::kCpu) return cpu_ns();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

enum class Way : int { kOut, kIn };
struct Request {
  Way way;
  Clock clock = Clock::kCpu;
};

// A sample of the one way; the other is done as well.
template <typename Program>
Sample measure(Program& program, const Request& request) {
  const VirtAddr at = program.map(kArena, MADV_HUGEPAGE);
  program.store(at, contents());
  const std::uint64_t faults = program.faults();
  const double out = now_ns(request.clock);
  program.advise(at, kArena, MADV_PAGEOUT);
  const double in = now_ns(request.clock);
  for (VirtAddr page = at; page < at + kArena; page += 4_KiB) program.write(page);
  const double end = now_ns(request.clock);
  const std::uint64_t taken = program.faults() - faults;
  program.unmap(at, kArena);
  return {request.way == Way::kOut ? in - out : end - in, taken};
}

// Our engine with one zram device.
class Engine {
 public:
  explicit Engine(unsigned threads) : kernel_(boot()), program_(kernel_->spawn()) {
    SwapDevice device;
    device.size = kDevice;
    device.algorithm = "lz4";
    device.threads = threads;
    const auto on = kernel_->swapon(device);
    QUIRE_CHECK(on.has_value());
  }
  Sample measure(const Request& request) { return ::measure(program_, request); }

 private:
  static std::unique_ptr<Kernel> boot() {
    auto kernel = Kernel::create({.ram = 512_MiB}, kPolicy);
    QUIRE_CHECK(kernel.has_value());
    return std::move(*kernel);
  }
  std::unique_ptr<Kernel> kernel_;
  EngineProgram program_;
};

// The running kernel with a zram device of ours before all others.
class Live {
 public:
  Live() {
    if (const auto ready = prepare(); !ready) missing_ = ready.error().line();
  }
  ~Live() {
    if (device_) (void)live::swap_off(*device_);
  }
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  [[nodiscard]] const std::string& missing() const { return missing_; }
  std::optional<Sample> measure(const Request& request) { return helper_.measure(request); }

 private:
  static constexpr int kBeforeAll = 32767;
  Result<void, Diagnostic> prepare() {
    guard_.emplace(QUIRE_TRY(live::SettingsGuard::hold()));
    (void)QUIRE_TRY(guard_->keep_free_pages());
    QUIRE_TRY(guard_->apply(*policy::parse_policy(kPolicy)));
    const unsigned number = QUIRE_TRY(guard_->add_zram());
    QUIRE_TRY(live::format_zram(number, "lz4", kDevice));
    QUIRE_TRY(live::swap_on(number, kBeforeAll));
    device_ = number;
    return {};
  }

  // First: forked while this process is small.
  Helper<Request> helper_{[](LiveProgram& program, const Request& r) { return ::measure(program, r); }};
  std::optional<live::SettingsGuard> guard_;
  std::optional<unsigned> device_;
  std::string missing_;
};

constexpr double kPages = static_cast<double>(kArena.raw()) / kPageSize;

// Each folio went and came as one: a fault brought it back.
bool whole(const Sample& sample) {
  const auto folios = static_cast<double>(kArena.raw() / kFolio.raw());
  const auto got = static_cast<double>(sample.faults);
  return got >= folios && got <= folios * 1.1 + 8;
}

void beside(benchmark::State& state, Way way) {
  static Live live;
  static Engine engine(1);
  for (auto _ : state) {
    if (!live.missing().empty()) return state.SkipWithError(live.missing().c_str());
    const Sample ours = engine.measure({way});
    const auto theirs = live.measure({way});
    if (!theirs) return state.SkipWithError("the helper process is gone");
    if (!whole(ours) || !whole(*theirs))
      return state.SkipWithError(
          fmt::format("{} and {} faults are not those of whole folios", ours.faults, theirs->faults).c_str());
    state.SetIterationTime(ours.ns * 1e-9);
    state.counters["engine_ns"] = ours.ns / kPages;
    state.counters["kernel_ns"] = theirs->ns / kPages;
    state.counters["ratio"] = ours.ns / theirs->ns;
  }
}
BENCHMARK_CAPTURE(beside, out_64K, Way::kOut)->Iterations(1)->Repetitions(9)->UseManualTime();
BENCHMARK_CAPTURE(beside, in_64K, Way::kIn)->Iterations(1)->Repetitions(9)->UseManualTime();

// Wall-clock time with one thread and with two.
void pool(benchmark::State& state, Way way) {
  static Engine one(1);
  static Engine two(2);
  for (auto _ : state) {
    const Sample alone = one.measure({way, Clock::kWall});
    const Sample pair = two.measure({way, Clock::kWall});
    state.SetIterationTime(pair.ns * 1e-9);
    state.counters["one_ns"] = alone.ns / kPages;
    state.counters["two_ns"] = pair.ns / kPages;
    state.counters["speedup"] = alone.ns / pair.ns;
  }
}
BENCHMARK_CAPTURE(pool, out_64K, Way::kOut)->Iterations(1)->Repetitions(9)->UseManualTime();
BENCHMARK_CAPTURE(pool, in_64K, Way::kIn)->Iterations(1)->Repetitions(9)->UseManualTime();

}  // namespace
