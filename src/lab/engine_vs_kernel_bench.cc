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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "live/settings_guard.h"
#include "live/unique_fd.h"
#include "policy/parse.h"
#include "quire/kernel.h"

namespace {

using namespace quire;

constexpr ByteCount kArena = 64_MiB;
constexpr ByteCount kForkArena = 1_GiB;

enum class Op : int { kWriteFault, kMunmap, kFork, kCopyOnWrite };
enum class Size : int { k4K, k64K, k2M };

constexpr Order order_of(Size size) { return Order(size == Size::k4K ? 0 : size == Size::k64K ? 4 : 9); }

// CPU time of one operation, and the faults it took.
struct Sample {
  double ns = 0;
  std::uint64_t faults = 0;
};

double cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// A program of the running kernel: this very process.
class LiveProgram {
 public:
  using Child = pid_t;

  VirtAddr map(ByteCount length, Size size) {
    void* const place = ::mmap(nullptr, (length + 2_MiB).raw(), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    QUIRE_CHECK(place != MAP_FAILED);
    const VirtAddr begin(reinterpret_cast<std::uintptr_t>(place));
    const VirtAddr at = begin.align_up(kOrderPmd);
    if (at > begin) unmap(begin, at - begin);
    if (const VirtAddr end = begin + length + 2_MiB; end > at + length)
      unmap(at + length, end - (at + length));
    ::madvise(pointer(at), length.raw(), size == Size::k4K ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    return at;
  }
  void unmap(VirtAddr at, ByteCount length) { ::munmap(pointer(at), length.raw()); }
  void write(VirtAddr at) { *static_cast<volatile char*>(pointer(at)) = 1; }
  Child fork() {
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  void end(Child child) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  std::uint64_t faults() const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_minflt);
  }

 private:
  static void* pointer(VirtAddr at) { return reinterpret_cast<void*>(at.raw()); }
};

// A program of our kernel.
class EngineProgram {
 public:
  using Child = Process*;
  explicit EngineProgram(Process& process) : process_(process) {}

  VirtAddr map(ByteCount length, Size size) {
    const VirtAddr at = *process_.mmap({.length = length});
    QUIRE_CHECK(at.aligned(kOrderPmd));
    QUIRE_CHECK(
        process_.madvise(at, length, size == Size::k4K ? MADV_NOHUGEPAGE : MADV_HUGEPAGE).has_value());
    return at;
  }
  void unmap(VirtAddr at, ByteCount length) { QUIRE_CHECK(process_.munmap(at, length).has_value()); }
  void write(VirtAddr at) {
    constexpr std::byte kOne{1};
    QUIRE_CHECK(process_.store(at, {&kOne, 1}).has_value());
  }
  Child fork() { return *process_.fork(); }
  void end(Child child) { child->exit(); }
  std::uint64_t faults() const { return process_.minor_faults(); }

 private:
  Process& process_;
};

// One byte into each block of `step`.
template <typename Program>
void write_each(Program& program, VirtAddr at, ByteCount length, Order step) {
  for (const VirtAddr end = at + length; at < end; at += step.bytes()) program.write(at);
}

// Does the operation once; the sample is of the operation alone.
template <typename Program>
Sample measure(Program& program, Op op, Size size) {
  const ByteCount length = op == Op::kFork ? kForkArena : kArena;
  const VirtAddr at = program.map(length, size);
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

// The process that does the live side, and dies with us.
class Helper {
 public:
  Helper() {
    int to[2];
    int from[2];
    std::signal(SIGPIPE, SIG_IGN);  // a helper that is gone is told by write()
    QUIRE_CHECK(::pipe(to) == 0 && ::pipe(from) == 0);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    QUIRE_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(to[1]);
      ::close(from[0]);
      if (::getppid() == parent) serve(to[0], from[1]);
      ::_exit(0);
    }
    ::close(to[0]);
    ::close(from[1]);
    requests_ = live::UniqueFd(to[1]);
    samples_ = live::UniqueFd(from[0]);
  }
  ~Helper() {
    requests_ = live::UniqueFd();
    ::waitpid(pid_, nullptr, 0);
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  // Nothing when the helper is gone.
  std::optional<Sample> measure(Op op, Size size) {
    const std::pair request{op, size};
    Sample sample;
    if (::write(requests_.get(), &request, sizeof request) != sizeof request) return std::nullopt;
    if (::read(samples_.get(), &sample, sizeof sample) != sizeof sample) return std::nullopt;
    return sample;
  }

 private:
  static void serve(int requests, int samples) {
    std::pair<Op, Size> request;
    LiveProgram program;
    while (::read(requests, &request, sizeof request) == sizeof request) {
      ::alarm(120);  // an operation that hangs ends the helper, not the benchmark
      const Sample sample = ::measure(program, request.first, request.second);
      ::alarm(0);
      if (::write(samples, &sample, sizeof sample) != sizeof sample) return;
    }
  }

  pid_t pid_ = 0;
  live::UniqueFd requests_;
  live::UniqueFd samples_;
};

// Both sides, and the settings of both.
class Arena {
 public:
  Arena() : kernel_(boot()), engine_(kernel_->spawn()) {
    // The one operation that uses most memory, so that all of it is warm.
    ::measure(engine_, Op::kFork, Size::k4K);
    (void)live_.measure(Op::kFork, Size::k4K);
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
  std::optional<Sample> live(Op op, Size size) { return live_.measure(op, size); }

 private:
  static std::unique_ptr<Kernel> boot() {
    auto kernel = Kernel::create({.ram = kForkArena + kArena + 256_MiB}, "thp_anon=64K:madvise");
    QUIRE_CHECK(kernel.has_value());
    return std::move(*kernel);
  }

  Helper live_;  // first: forked while this process is small
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
