// lab/testing_both_sides.h - for benchmarks: a program of the running kernel and one
// of ours with the same operations, and the process that does the live side.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "base/check.h"
#include "live/unique_fd.h"
#include "quire/kernel.h"

namespace quire::lab::testing {

// CPU time of one operation, and the faults it took.
struct Sample {
  double ns = 0;
  std::uint64_t faults = 0;
};

inline double cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// A program of the running kernel: this very process.
class LiveProgram {
 public:
  using Child = pid_t;

  VirtAddr map(ByteCount length, int advice) {
    void* const place = ::mmap(nullptr, (length + 2_MiB).raw(), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    QUIRE_CHECK(place != MAP_FAILED);
    const VirtAddr begin(reinterpret_cast<std::uintptr_t>(place));
    const VirtAddr at = begin.align_up(kOrderPmd);
    if (at > begin) unmap(begin, at - begin);
    if (const VirtAddr end = begin + length + 2_MiB; end > at + length)
      unmap(at + length, end - (at + length));
    advise(at, length, advice);
    return at;
  }
  void unmap(VirtAddr at, ByteCount length) { ::munmap(pointer(at), length.raw()); }
  void advise(VirtAddr at, ByteCount length, int advice) {
    QUIRE_CHECK(::madvise(pointer(at), length.raw(), advice) == 0);
  }
  void write(VirtAddr at) { *static_cast<volatile char*>(pointer(at)) = 1; }
  void store(VirtAddr at, std::span<const std::byte> bytes) {
    std::memcpy(pointer(at), bytes.data(), bytes.size());
  }
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
    return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
  }

 private:
  static void* pointer(VirtAddr at) { return reinterpret_cast<void*>(at.raw()); }
};

// A program of our kernel.
class EngineProgram {
 public:
  using Child = Process*;
  explicit EngineProgram(Process& process) : process_(process) {}

  VirtAddr map(ByteCount length, int advice) {
    const VirtAddr at = *process_.mmap({.length = length});
    QUIRE_CHECK(at.aligned(kOrderPmd));
    advise(at, length, advice);
    return at;
  }
  void unmap(VirtAddr at, ByteCount length) { QUIRE_CHECK(process_.munmap(at, length).has_value()); }
  void advise(VirtAddr at, ByteCount length, int advice) {
    QUIRE_CHECK(process_.madvise(at, length, advice).has_value());
  }
  void write(VirtAddr at) {
    constexpr std::byte kOne{1};
    store(at, {&kOne, 1});
  }
  void store(VirtAddr at, std::span<const std::byte> bytes) {
    QUIRE_CHECK(process_.store(at, bytes).has_value());
  }
  Child fork() { return *process_.fork(); }
  void end(Child child) { child->exit(); }
  std::uint64_t faults() const { return process_.minor_faults() + process_.major_faults(); }

 private:
  Process& process_;
};

// The process that does the live side, and dies with us.
// A request is plain bytes; `work` is what the process does with one.
template <typename Request>
class Helper {
 public:
  using Work = Sample (*)(LiveProgram&, const Request&);
  explicit Helper(Work work) {
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
      if (::getppid() == parent) serve(to[0], from[1], work);
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
  std::optional<Sample> measure(const Request& request) {
    Sample sample;
    if (::write(requests_.get(), &request, sizeof request) != sizeof request) return std::nullopt;
    if (::read(samples_.get(), &sample, sizeof sample) != sizeof sample) return std::nullopt;
    return sample;
  }

 private:
  static void serve(int requests, int samples, Work work) {
    Request request;
    LiveProgram program;
    while (::read(requests, &request, sizeof request) == sizeof request) {
      ::alarm(120);  // an operation that hangs ends the helper, not the benchmark
      const Sample sample = work(program, request);
      ::alarm(0);
      if (::write(samples, &sample, sizeof sample) != sizeof sample) return;
    }
  }

  pid_t pid_ = 0;
  live::UniqueFd requests_;
  live::UniqueFd samples_;
};

}  // namespace quire::lab::testing
