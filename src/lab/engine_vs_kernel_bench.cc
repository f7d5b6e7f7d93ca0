// Our engine, contents kept, beside the running kernel: the same operation on
// both, one after the other, in one run. Each repetition gives both times and
// their ratio; the ratio is what counts, since both sides saw the same machine.
//
// Times are CPU time of the thread that works, so a busy machine does not
// count as slowness. Memory is warm on both sides: the frames of the simulated
// RAM have been written before, and so have the pages the kernel hands out.
//
// The kernel's side is a helper process, made before our engine is there. 64K
// and 2M need the per-size settings, so root; without it 4K is measured and
// the others say why they are not.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "lab/testing_both_sides.h"
#include "live/settings_guard.h"
#include "policy/parse.h"
#include "quire/kernel.h"

namespace {

using namespace quire;
using namespace quire::lab::testing;

constexpr ByteCount kArena = 64_MiB;
constexpr ByteCount kForkArena = 1_GiB;

enum class Op : int { kWriteFault, kMunmap, kFork, kCopyOnWrite };
enum class Size : int { k4K, k64K, k2M };

struct Request {
  Op op;
  Size size;
};

constexpr Order order_of(Size size) { return Order(size == Size::k4K ? 0 : size == Size::k64K ? 4 : 9); }

// One byte into each block of `step`.
template <typename Program>
void write_each(Program& program, VirtAddr at, ByteCount length, Order step) {
  for (const VirtAddr end = at + length; at < end; at += step.bytes()) program.write(at);
}

// Does the operation once; the sample is of the operation alone.
template <typename Program>
Sample measure(Program& program, Op op, Size size) {
  const ByteCount length = op == Op::kFork ? kForkArena : kArena;
  const VirtAddr at = program.map(length, size == Size::k4K ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  std::optional<typename Program::Child> child;
  bool mapped = true;
  if (op != Op::kWriteFault) write_each(program, at, length, order_of(size));
  if (op == Op::kCopyOnWrite) child = program.fork();

  const std::uint64_t faults = program.faults();
  const double begin = cpu_ns();
  switch (op) {
    case Op::kWriteFault:
      write_each(program, at, length, order_of(size));
      break;
    case Op::kMunmap:
      program.unmap(at, length);
      mapped = false;
      break;
    case Op::kFork:
      child = program.fork();
      break;
    case Op::kCopyOnWrite:  // 4 KiB is copied whatever the folio's size
      write_each(program, at, length, kOrder0);
      break;
  }
  const Sample sample{cpu_ns() - begin, program.faults() - faults};
  if (child) program.end(*child);
  if (mapped) program.unmap(at, length);
  return sample;
}

// Both sides, and the settings of both.
class Arena {
 public:
  Arena() : kernel_(boot()), engine_(kernel_->spawn()) {
    // The one operation that uses most memory, so that all of it is warm.
    ::measure(engine_, Op::kFork, Size::k4K);
    (void)live_.measure({Op::kFork, Size::k4K});
    auto guard = live::SettingsGuard::hold();
    if (guard) {
      guard_.emplace(std::move(*guard));
    } else {
      missing_ = guard.error().line();
    }
  }

  // Makes the size the one that advised memory gets. A reason when the live
  // kernel cannot be set.
  std::string set(Size size) {
    if (size == Size::k4K) return {};  // advised against, whatever the settings
    const char* const policy = size == Size::k64K ? "thp_anon=64K:madvise" : "thp_anon=2M:madvise";
    for (const auto& [file, of] :
         {std::pair{"hugepages-64kB/enabled", Size::k64K}, std::pair{"hugepages-2048kB/enabled", Size::k2M}})
      QUIRE_CHECK(kernel_->sysfs_write(file, size == of ? "madvise" : "never").has_value());
    if (!guard_) return missing_;
    const auto applied = guard_->apply(*policy::parse_policy(policy));
    return applied ? std::string() : applied.error().line();
  }
  Sample engine(Op op, Size size) { return measure(engine_, op, size); }
  std::optional<Sample> live(Op op, Size size) { return live_.measure({op, size}); }

 private:
  static std::unique_ptr<Kernel> boot() {
    auto kernel = Kernel::create({.ram = kForkArena + kArena + 256_MiB}, "thp_anon=64K:madvise");
    QUIRE_CHECK(kernel.has_value());
    return std::move(*kernel);
  }

  // First: forked while this process is small.
  Helper<Request> live_{
      [](LiveProgram& program, const Request& r) { return measure(program, r.op, r.size); }};
  std::unique_ptr<Kernel> kernel_;
  EngineProgram engine_;
  std::optional<live::SettingsGuard> guard_;
  std::string missing_;
};

// What the times are divided by: folios for a write fault, forks for fork,
// 4 KiB pages otherwise.
double operations(Op op, Size size) {
  const auto pages = static_cast<double>(PageCount::covering(kArena).raw());
  if (op == Op::kFork) return 1;
  return op == Op::kWriteFault ? pages / static_cast<double>(order_of(size).pages().raw()) : pages;
}

// Faults a side may have taken when it used the size asked for.
bool used_the_size(Op op, Size size, const Sample& sample) {
  if (op == Op::kFork || op == Op::kMunmap) return true;
  const double expected = operations(op, size);
  const auto got = static_cast<double>(sample.faults);
  return got >= expected && got <= expected * 1.02 + 8;
}

void beside(benchmark::State& state, Op op, Size size) {
  static Arena arena;
  for (auto _ : state) {
    if (const std::string why = arena.set(size); !why.empty()) return state.SkipWithError(why.c_str());
    const Sample ours = arena.engine(op, size);
    const auto theirs = arena.live(op, size);
    if (!theirs) return state.SkipWithError("the helper process is gone");
    if (!used_the_size(op, size, ours) || !used_the_size(op, size, *theirs))
      return state.SkipWithError("another number of faults than folios of the size");
    const double n = operations(op, size);
    state.SetIterationTime(ours.ns * 1e-9);
    state.counters["engine_ns"] = ours.ns / n;
    state.counters["kernel_ns"] = theirs->ns / n;
    state.counters["ratio"] = ours.ns / theirs->ns;
  }
}

const bool kRegistered = [] {
  for (const auto& [op, what] :
       {std::pair{Op::kWriteFault, "write_fault"}, std::pair{Op::kMunmap, "munmap"},
        std::pair{Op::kFork, "fork_1GiB"}, std::pair{Op::kCopyOnWrite, "copy_on_write"}}) {
    for (const auto& [size, name] :
         {std::pair{Size::k4K, "4K"}, std::pair{Size::k64K, "64K"}, std::pair{Size::k2M, "2M"}}) {
      const std::string title = fmt::format("beside_kernel/{}/{}", what, name);
      benchmark::RegisterBenchmark(title.c_str(), beside, op, size)
          ->Iterations(1)
          ->Repetitions(9)
          ->UseManualTime();
    }
  }
  return true;
}();

}  // namespace
