#include "lab/live_work.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "lab/paced_faults.h"
#include "live/unique_fd.h"

namespace quire::lab {
namespace {

using cost::SizedWork;
using cost::Work;

constexpr int kMadvFree = 8;
constexpr int kMadvPageout = 21;
constexpr int kMadvCollapse = 25;

double cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

std::uint64_t faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

std::uint64_t major_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_majflt);
}

// Processor time of what fn does.
template <typename Fn>
double timed(Fn&& fn) {
  const double begin = cpu_ns();
  fn();
  return cpu_ns() - begin;
}

// Private memory that begins on a 2 MiB boundary; gone with the object.
class Arena {
 public:
  Arena(ByteCount size, Order order) : size_(size) {
    const std::size_t room = size.raw() + kOrderPmd.bytes().raw();
    void* const place =
        ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) return;
    const auto at = reinterpret_cast<std::uintptr_t>(place);
    const std::uintptr_t begin = VirtAddr(at).align_up(kOrderPmd).raw();
    if (begin != at) ::munmap(place, begin - at);
    if (const std::size_t behind = at + room - (begin + size.raw()); behind != 0)
      ::munmap(reinterpret_cast<void*>(begin + size.raw()), behind);
    begin_ = reinterpret_cast<char*>(begin);
    ::madvise(begin_, size.raw(), order == kOrder0 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  }
  ~Arena() { unmap(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void unmap() {
    if (begin_ != nullptr) ::munmap(begin_, size_.raw());
    begin_ = nullptr;
  }
  [[nodiscard]] bool valid() const { return begin_ != nullptr; }
  [[nodiscard]] char* begin() const { return begin_; }
  [[nodiscard]] std::uint64_t folios(Order order) const { return size_.raw() / order.bytes().raw(); }
  void write_each(Order step) const {
    for (char* at = begin_; at != begin_ + size_.raw(); at += step.bytes().raw())
      *static_cast<volatile char*>(at) = 1;
  }

 private:
  ByteCount size_;
  char* begin_ = nullptr;
};

// A child that waits to be ended.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] bool valid() const { return pid_ > 0; }

 private:
  pid_t pid_;
};

// Whether `got` faults are those of `expected` folios, and few others.
bool about(std::uint64_t got, std::uint64_t expected) {
  return got >= expected && got <= expected + expected / 50 + 8;
}

std::optional<double> per(double ns, std::uint64_t units, bool done = true) {
  if (!done || units == 0 || ns < 0) return std::nullopt;
  return ns / static_cast<double>(units);
}

// Touches each folio of the order: what a fault took, or nothing when the kernel
// took others.
std::optional<double> fault_all(const Arena& arena, Order order, Touch touch, Pace pace) {
  const std::uint64_t folios = arena.folios(order);
  PacedTouches touches({arena.begin(), folios, order.bytes()}, pace);
  const std::uint64_t before = faults();
  const double ns = touches.run(touch);
  return about(faults() - before, folios) ? std::optional(ns) : std::nullopt;
}

// Filled with folios of the order, for what is done to them then.
bool fill(const Arena& arena, Order order) {
  const std::uint64_t before = faults();
  arena.write_each(order);
  return about(faults() - before, arena.folios(order));
}

std::optional<double> fork_time(const Arena& arena, Order order) {
  const auto fork_ns = []() -> std::optional<double> {
    const double begin = cpu_ns();
    const Child child;
    const double ns = cpu_ns() - begin;
    return child.valid() ? std::optional(ns) : std::nullopt;
  };
  // What a fork takes without the arena is not the arena's.
  const auto bare = fork_ns();
  if (!bare || !fill(arena, order)) return std::nullopt;
  const auto with = fork_ns();
  if (!with) return std::nullopt;
  // Noise may make the difference of a few large folios less than nothing.
  return per(std::max(*with - *bare, 0.0), arena.folios(order));
}

// Half of each folio is freed lazily: it is split first.
std::optional<double> split_time(const Arena& arena, Order order) {
  if (!fill(arena, order)) return std::nullopt;
  const std::uint64_t size = order.bytes().raw();
  bool done = true;
  const double ns = timed([&] {
    for (std::uint64_t i = 0; i < arena.folios(order); ++i)
      done = ::madvise(arena.begin() + i * size, size / 2, kMadvFree) == 0 && done;
  });
  return per(ns, arena.folios(order), done);
}

std::optional<double> copy_time(const Arena& arena, Pace pace) {
  if (!fill(arena, kOrder0)) return std::nullopt;
  const Child child;
  return child.valid() ? fault_all(arena, kOrder0, Touch::kWrite, pace) : std::nullopt;
}

std::optional<double> reuse_time(const Arena& arena, Pace pace) {
  if (!fill(arena, kOrder0)) return std::nullopt;
  if (const Child child; !child.valid()) return std::nullopt;
  return fault_all(arena, kOrder0, Touch::kWrite,
                   pace);  // the child is gone, the entries are still read-only
}

// Over addresses of sixteen arenas: a page of each 2 MiB is little memory.
std::optional<double> table_time(ByteCount arena) {
  const ByteCount wide(arena.raw() * 16);
  const Arena far(wide, kOrder0);
  const Arena near(wide, kOrder0);
  if (!far.valid() || !near.valid()) return std::nullopt;
  // A page in each 2 MiB, and as many side by side.
  const double apart = timed([&] { far.write_each(kOrderPmd); });
  const std::uint64_t n = far.folios(kOrderPmd);
  const double together = timed([&] {
    for (std::uint64_t i = 0; i < n; ++i) *static_cast<volatile char*>(near.begin() + i * kPageSize) = 1;
  });
  return per(std::max(apart - together, 0.0), n);
}

std::optional<double> split_pmd_time(const Arena& arena) {
  if (!fill(arena, kOrderPmd)) return std::nullopt;
  const std::uint64_t size = kOrderPmd.bytes().raw();
  bool done = true;
  const double ns = timed([&] {
    for (std::uint64_t i = 0; i < arena.folios(kOrderPmd); ++i)
      done = ::mprotect(arena.begin() + i * size, kPageSize, PROT_READ) == 0 && done;
  });
  return per(ns, arena.folios(kOrderPmd), done);
}

std::optional<double> collapse_time(const Arena& arena, ByteCount size) {
  if (!fill(arena, kOrder0)) return std::nullopt;
  ::madvise(arena.begin(), size.raw(), MADV_HUGEPAGE);  // not for the pages that are there
  bool done = false;
  const double ns = timed([&] { done = ::madvise(arena.begin(), size.raw(), kMadvCollapse) == 0; });
  return per(ns, arena.folios(kOrderPmd), done);
}

// Numbers and words, as heaps have them: lz4 makes less than half of a page.
void write_heap(const Arena& arena, ByteCount size) {
  std::uint64_t x = 88172645463325252ULL;
  for (std::uint64_t at = 0; at + 32 <= size.raw(); at += 32) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    const std::uint64_t pointer = 0x7f5500000000 + (x >> 44);
    std::memcpy(arena.begin() + at, &pointer, sizeof pointer);
    std::memcpy(arena.begin() + at + 8, "folio mapping", 13);
  }
}

// Folios of 64 KiB there and back; only what this program gets goes to swap.
std::optional<double> swap_time(ByteCount size, Work work) {
  const Arena arena(size, Order(4));
  if (!arena.valid() || !fill(arena, Order(4))) return std::nullopt;
  write_heap(arena, size);
  bool done = false;
  const double out = timed([&] { done = ::madvise(arena.begin(), size.raw(), kMadvPageout) == 0; });
  const std::uint64_t before = major_faults();
  const double in = timed([&] { arena.write_each(Order(4)); });
  done = done && about(major_faults() - before, arena.folios(Order(4)));
  return per(work == Work::kSwapOut ? out : in, size.raw() / kPageSize, done);
}

std::optional<double> file_time(ByteCount arena) {
  const live::UniqueFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid() || ::ftruncate(file.get(), static_cast<off_t>(arena.raw())) != 0) return std::nullopt;
  void* const place = ::mmap(nullptr, arena.raw(), PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (place == MAP_FAILED) return std::nullopt;
  const auto touch_all = [&] {
    for (std::uint64_t at = 0; at < arena.raw(); at += kPageSize)
      (void)*static_cast<const volatile char*>(static_cast<char*>(place) + at);
  };
  touch_all();                                   // now the cache has it
  ::madvise(place, arena.raw(), MADV_DONTNEED);  // and this process has not
  const std::uint64_t before = faults();
  const double ns = timed(touch_all);
  const std::uint64_t n = faults() - before;
  ::munmap(place, arena.raw());
  return per(ns, n);
}

std::optional<double> once(SizedWork work, Order order, ByteCount size, Pace pace) {
  Arena arena(size, order);
  if (!arena.valid()) return std::nullopt;
  switch (work) {
    case SizedWork::kFault:
      return fault_all(arena, order, Touch::kWrite, pace);
    case SizedWork::kFork:
      return fork_time(arena, order);
    case SizedWork::kUnmap: {
      if (!fill(arena, order)) return std::nullopt;
      const std::uint64_t folios = arena.folios(order);
      return per(timed([&] { arena.unmap(); }), folios);
    }
    case SizedWork::kSplit:
      return split_time(arena, order);
  }
  return std::nullopt;
}

std::optional<double> once(Work work, ByteCount size, Pace pace) {
  if (work == Work::kTable) return table_time(size);
  if (work == Work::kFileFault) return file_time(size);
  if (work == Work::kSwapOut || work == Work::kSwapIn) return swap_time(size, work);
  Arena arena(size, work == Work::kSplitPmd ? kOrderPmd : kOrder0);
  if (!arena.valid()) return std::nullopt;
  switch (work) {
    case Work::kZeroFault:
      return fault_all(arena, kOrder0, Touch::kRead, pace);
    case Work::kCopyFault:
      return copy_time(arena, pace);
    case Work::kReuseFault:
      return reuse_time(arena, pace);
    case Work::kSplitPmd:
      return split_pmd_time(arena);
    case Work::kCollapse:
      return collapse_time(arena, size);
    default:
      return std::nullopt;
  }
}

}  // namespace

// Twice, and the first does not count: it may have got memory that the host had
// taken back, whose first touch is tens of times slower.
std::optional<double> measure(SizedWork work, Order order, ByteCount arena) {
  (void)once(work, order, arena, Pace::kAtOnce);
  return once(work, order, arena, Pace::kWorking);
}

std::optional<double> measure(Work work, ByteCount arena) {
  (void)once(work, arena, Pace::kAtOnce);
  return once(work, arena, Pace::kWorking);
}

}  // namespace quire::lab
