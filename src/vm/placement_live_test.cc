// The running kernel as the judge of placement: a child without address
// randomisation maps and unmaps at random, and every address it gets must be
// the one that follows from its own /proc/self/smaps. Needs no privilege.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/testing_sanitized.h"
#include "vm/placement.h"
#include "vm/testing_syscalls.h"

namespace quire::vm {
namespace {

// What /proc/self/smaps says now.
class Snapshot {
 public:
  Snapshot() : tree_(registry_, port_, nullptr) {
    std::ifstream smaps("/proc/self/smaps");
    VirtRange range;
    for (std::string line; std::getline(smaps, line);) {
      unsigned long begin = 0, end = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2)
        range = {VirtAddr(begin), VirtAddr(end)};
      else if (line.starts_with("VmFlags:") && range.end <= kTaskSize)
        add(range, line.find(" gd") != std::string::npos ? VmFlags(VmFlag::kGrowsDown) : VmFlags());
    }
  }
  [[nodiscard]] const MappingTree& tree() const { return tree_; }
  // For the message of a failure: the mappings from two before `low` to two after `high`.
  [[nodiscard]] std::string around(VirtAddr low, VirtAddr high) const {
    std::string text;
    const Vma* vma = tree_.find_last_before(low);
    if (vma != nullptr && tree_.prev(*vma) != nullptr) vma = tree_.prev(*vma);
    for (int after = 0; vma != nullptr && after < 2; vma = tree_.next(*vma)) {
      text += fmt::format("\n{:x}-{:x} {}", vma->begin().raw(), vma->end().raw(), to_string(vma->flags));
      if (vma->begin() > high) ++after;
    }
    return text;
  }

 private:
  // Special mappings never merge, so each stays a mapping.
  void add(VirtRange range, VmFlags flags) {
    tree_.map({range, flags | VmFlag::kDontExpand, FileRef::none(), 0});
  }

  AnonVmaRegistry registry_;
  testing::RecordingPort port_;
  MappingTree tree_;
};

// The rule the file system of `fd` places its mappings by, if we know it.
std::optional<PlacementRule> rule_of(int fd) {
  struct statfs fs{};
  if (::fstatfs(fd, &fs) != 0) return std::nullopt;
  const long ext4 = 0xEF53, xfs = 0x58465342, btrfs = 0x9123683E;
  if (fs.f_type == ext4 || fs.f_type == xfs || fs.f_type == btrfs) return PlacementRule::kThpFile;
  return std::nullopt;
}

// The highest size that shared anonymous memory may use, as sysfs has it now.
std::optional<Order> shmem_order() {
  std::optional<Order> highest;
  const auto selected = [](const std::string& path) {
    std::ifstream in(path);
    std::string text;
    std::getline(in, text);
    const auto open = text.find('['), close = text.find(']');
    return open == std::string::npos ? std::string("never") : text.substr(open + 1, close - open - 1);
  };
  const std::string dir = "/sys/kernel/mm/transparent_hugepage/";
  const std::string global = selected(dir + "shmem_enabled");
  for (unsigned order = 1; order <= kPmdOrder; ++order) {
    const std::string own =
        selected(fmt::format("{}hugepages-{}kB/shmem_enabled", dir, Order(order).bytes().raw() >> 10));
    if (own == "inherit" ? global != "never" : own != "never") highest = Order(order);
  }
  return global == "deny" ? std::nullopt : highest;
}

struct Mapping {
  void* at;
  std::size_t size;
};

class Child {
 public:
  explicit Child(std::uint64_t seed) : rng_(seed), file_(std::tmpfile()), fd_(::fileno(file_)) {
    file_rule_ = rule_of(fd_);
    rlimit limit{};
    ::getrlimit(RLIMIT_STACK, &limit);
    layout_ = compute_layout(ByteCount(limit.rlim_cur));
    mappings_.reserve(4096);
  }
  ~Child() { std::fclose(file_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void step() {
    if (!mappings_.empty() && rng_.chance(40)) return unmap();
    PlacementRequest request;
    request.length = some_length();
    int map = MAP_PRIVATE | MAP_ANONYMOUS;
    int fd = -1;
    if (rng_.chance(20)) request.hint = some_hint();
    switch (rng_.below(10)) {
      case 0:
      case 1:
      case 2:
        if (!file_rule_) break;
        request.rule = *file_rule_;
        request.pgoff = rng_.below(3) == 0 ? rng_.below(1200) : 512 * rng_.below(3);
        map = MAP_PRIVATE;
        fd = fd_;
        break;
      case 3:
        request.rule = PlacementRule::kShmem;
        request.shmem_order = shmem_order();
        map = MAP_SHARED | MAP_ANONYMOUS;
        break;
      case 4:
        map |= MAP_32BIT;
        request.window = PlacementRequest::Window::kSecondGiB;
        break;
      case 5:
        map |= MAP_GROWSDOWN;
        break;
      default:
        break;
    }
    compare(request, map, fd);
  }

 private:
  ByteCount some_length() {
    switch (rng_.below(4)) {
      case 0:
        return PageCount(512 * (1 + rng_.below(4))).bytes();
      case 1:
        return PageCount(500 + rng_.below(1200)).bytes();
      case 2:
        return ByteCount(1 + rng_.below(kPageSize * 40));
      default:
        return PageCount(1 + rng_.below(30)).bytes();
    }
  }
  // Near something, inside something, too low, or unaligned.
  VirtAddr some_hint() {
    const std::uint64_t near_pages = rng_.below(600);
    if (mappings_.empty() || rng_.chance(20)) return VirtAddr(1 + rng_.below(0x20000));
    const auto& near = mappings_[rng_.below(mappings_.size())];
    const std::uint64_t at = reinterpret_cast<std::uint64_t>(near.at);
    return VirtAddr(rng_.chance(50) ? at - near_pages * kPageSize : at + near.size + near_pages * 100);
  }
  void unmap() {
    const std::size_t i = rng_.below(mappings_.size());
    ::munmap(mappings_[i].at, mappings_[i].size);
    mappings_[i] = mappings_.back();
    mappings_.pop_back();
  }
  void compare(const PlacementRequest& request, int map, int fd) {
    const Snapshot now;
    const auto ours = get_unmapped_area(now.tree(), layout_, request);
    void* live = ::mmap(reinterpret_cast<void*>(request.hint.raw()), request.length.raw(), PROT_NONE, map, fd,
                        static_cast<off_t>(request.pgoff << kPageShift));
    const auto context = fmt::format("length {:#x} hint {:#x} pgoff {} map {:#x} fd {}", request.length.raw(),
                                     request.hint.raw(), request.pgoff, map, fd);
    if (live == MAP_FAILED) {
      ASSERT_FALSE(ours.has_value()) << context << ": " << std::strerror(errno);
      return;
    }
    const VirtAddr at(reinterpret_cast<std::uint64_t>(live));
    ASSERT_TRUE(ours.has_value()) << context;
    ASSERT_EQ(fmt::format("{:#x}", ours->raw()), fmt::format("{:#x}", at.raw()))
        << context << now.around(std::min(*ours, at), std::max(*ours, at));
    mappings_.push_back({live, PageCount::covering(request.length).bytes().raw()});
  }

  base::Rng rng_;
  std::FILE* file_;
  int fd_;
  std::optional<PlacementRule> file_rule_;
  MmapLayout layout_;
  std::vector<Mapping> mappings_;
};

// The body of the child. Not run by itself: it needs a process that was
// started without address randomisation.
TEST(LivePlacement, DISABLED_Child) {
  // The allocator must not map anything between a snapshot and an mmap.
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);
  const char* seed = std::getenv("QUIRE_PLACEMENT_SEED");
  ASSERT_NE(seed, nullptr);
  Child child(std::strtoull(seed, nullptr, 10));
  for (int i = 0; i < 300 && !HasFatalFailure(); ++i) child.step();
}

int run_child(std::uint64_t seed, rlim_t stack_limit) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::personality(ADDR_NO_RANDOMIZE);
    rlimit limit{};
    ::getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = std::min(stack_limit, limit.rlim_max);
    ::setrlimit(RLIMIT_STACK, &limit);
    ::setenv("QUIRE_PLACEMENT_SEED", std::to_string(seed).c_str(), 1);
    ::execl("/proc/self/exe", "test_vm", "--gtest_filter=LivePlacement.DISABLED_Child",
            "--gtest_also_run_disabled_tests", "--gtest_brief=1", static_cast<char*>(nullptr));
    ::_exit(98);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

// The kernel and get_unmapped_area choose the same address 300 times over for
// each of several seeds and stack limits (which decide where mappings begin).
TEST(LivePlacement, AgreesWithTheKernel) {
  if (base::testing::kSanitized) GTEST_SKIP() << base::testing::kSanitizedReason;
  utsname name{};
  ::uname(&name);
  if (std::strncmp(name.release, "6.18.", 5) != 0) GTEST_SKIP() << "the running kernel is not Linux 6.18";
  constexpr std::array<rlim_t, 4> kStackLimits{8ULL << 20, 8ULL << 20, 1ULL << 30, RLIM_INFINITY};
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    EXPECT_EQ(run_child(seed, kStackLimits[seed % kStackLimits.size()]), 0) << "seed " << seed;
}

}  // namespace
}  // namespace quire::vm
