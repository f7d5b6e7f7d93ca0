// Programs that write, read, fork, free, move and swap without end, while devices
// and allocations fail: what a program reads is what it wrote, every byte of it, and every
// memory tag where the machine has them.
//
// The suite does a short run. QUIRE_SOAK_OPERATIONS=10000000 makes it as long.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "kernel/testing_soak.h"
#include "kernel/testing_tags.h"
#include "swap/testing_device.h"

namespace quire {
namespace {

using namespace testing;
using swap::IoError;
using swap::Pages;

constexpr std::uint64_t kPages = 2048;  // of a program: 8 MiB
constexpr std::size_t kMostPrograms = 5;
constexpr int kCollapse = 25;

// Fails each n-th request while it is told to, having done nothing.
class UnreliableDevice final : public swap::Backend {
 public:
  UnreliableDevice(PageCount size, swap::Traits traits, const unsigned& every)
      : device_(size, traits), every_(every) {}
  [[nodiscard]] std::string_view name() const override { return "unreliable"; }
  [[nodiscard]] swap::Traits traits() const override { return device_.traits(); }
  [[nodiscard]] PageCount size() const override { return device_.size(); }
  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override {
    if (fails()) return std::unexpected(IoError::kWrite);
    return device_.write(slot, pages);
  }
  [[nodiscard]] Result<void, IoError> read(std::uint64_t slot, Pages pages) override {
    if (fails()) return std::unexpected(IoError::kRead);
    return device_.read(slot, pages);
  }
  void slots_freed(std::uint64_t slot, PageCount count) override { device_.slots_freed(slot, count); }

 private:
  bool fails() { return every_ != 0 && ++requests_ % every_ == 0; }
  swap::testing::MapDevice device_;
  const unsigned& every_;
  unsigned requests_ = 0;
};

struct Program {
  Process* process;
  std::vector<SoakPage> pages;
};

struct Setting {
  const char* name;
  const char* policy;
  swap::Traits traits;
  MemoryTags tags = MemoryTags::kNone;
};

class Soak {
 public:
  Soak(const Setting& setting, std::uint64_t seed)
      : rng_(seed),
        tags_(setting.tags != MemoryTags::kNone),
        kernel_(tags_ ? boot_with_tags(setting.policy) : boot(setting.policy, 64_MiB)) {
    for (const PageCount size : {PageCount(6000), PageCount(3000)})
      EXPECT_TRUE(kernel_->swapon(std::make_unique<UnreliableDevice>(size, setting.traits, io_fails_every_)));
    kernel_->set_allocation_failure(&Soak::fails, this);
    Process& p = kernel_->spawn();
    tags_ ? map_tagged(p, PageCount(kPages).bytes()) : map(p, PageCount(kPages).bytes());
    programs_.push_back({&p, std::vector<SoakPage>(kPages)});
  }

  void step() {
    if (rng_.below(64) == 0) change_faults();
    Program& p = programs_[rng_.below(programs_.size())];
    const std::uint64_t what = rng_.below(100);
    if (tags_ && what < 15) return tag(p, rng_.below(kPages));
    if (what < 45) return write(p, rng_.below(kPages));
    if (what < 80) return read(p, rng_.below(kPages));
    if (what < 97) return advise(p);
    if (what < 98) return fork(p);
    if (what < 99) return leave();
    shake();
  }

  // Nothing fails any more: everything is there.
  void check() {
    io_fails_every_ = alloc_fails_every_ = 0;
    expect_sound(*kernel_);
    for (Program& p : programs_)
      for (std::uint64_t i = 0; i < kPages; ++i) read(p, i);
    expect_sound(*kernel_);
  }

  void finish() {
    check();
    for (Program& p : programs_) p.process->exit();
    EXPECT_EQ(kernel_->swap_used(), PageCount(0));
    EXPECT_EQ(kernel_->tags_saved(), PageCount(0));
    expect_sound(*kernel_);
  }

  // Each n-th page that is swapped out loses its tags from now on.
  void lose_tags(unsigned every) {
    lost_every_ = every;
    kernel_->set_tag_loss(&Soak::loses, this);
  }

  std::uint64_t failures = 0, swapped_out = 0, wrong_bytes = 0, wrong_tags = 0;

 private:
  static bool fails(void* self, Order /*order*/) {
    auto& soak = *static_cast<Soak*>(self);
    return soak.alloc_fails_every_ != 0 && ++soak.allocations_ % soak.alloc_fails_every_ == 0;
  }
  static bool loses(void* self, SwapEntry /*entry*/) {
    auto& soak = *static_cast<Soak*>(self);
    return ++soak.saves_ % soak.lost_every_ == 0;
  }
  void change_faults() {
    io_fails_every_ = rng_.chance(50) ? 0 : 2 + static_cast<unsigned>(rng_.below(40));
    alloc_fails_every_ = rng_.chance(50) ? 0 : 2 + static_cast<unsigned>(rng_.below(60));
  }
  [[nodiscard]] bool calm() const { return io_fails_every_ == 0 && alloc_fails_every_ == 0; }
  // A call may be refused only while something fails, or memory is short.
  void refused(Errno why) {
    ++failures;
    if (calm() && why != Errno::kNoMem) ADD_FAILURE() << "refused with " << errno_name(why);
  }

  // A page is written wholly or, when the fault fails, not at all.
  void write(Program& p, std::uint64_t i) {
    const Stamp stamp = rng_.chance(10) ? 0 : static_cast<Stamp>(1 + rng_.below(1U << 30));
    make_bytes(stamp, bytes_);
    const auto done = p.process->store(page(i), bytes_);
    if (!done) return refused(done.error());
    p.pages[i].bytes = stamp;
  }
  void tag(Program& p, std::uint64_t i) {
    const Stamp stamp = rng_.chance(10) ? 0 : static_cast<Stamp>(1 + rng_.below(1U << 30));
    const auto done = p.process->set_tags(page(i), make_tags(stamp));
    if (!done) return refused(done.error());
    p.pages[i].tags = stamp;
  }
  void read(Program& p, std::uint64_t i) {
    const auto done = p.process->load(page(i), found_);
    if (!done) return refused(done.error());
    make_bytes(p.pages[i].bytes, bytes_);
    if (found_ != bytes_) ++wrong_bytes;
    if (!tags_) return;
    const auto tags = p.process->get_tags(page(i), found_tags_);
    if (!tags) return refused(tags.error());
    if (found_tags_ != make_tags(p.pages[i].tags)) ++wrong_tags;
  }
  void advise(Program& p) {
    constexpr std::array<int, 9> kAdvice{MADV_PAGEOUT, MADV_PAGEOUT,  MADV_PAGEOUT,
                                         MADV_COLD,    MADV_WILLNEED, MADV_DONTNEED,
                                         kCollapse,    MADV_HUGEPAGE, MADV_NOHUGEPAGE};
    constexpr std::array<std::uint64_t, 6> kLengths{1, 3, 16, 64, 512, 1000};
    const int advice = kAdvice[rng_.below(kAdvice.size())];
    std::uint64_t n = kLengths[rng_.below(kLengths.size())];
    if (advice == MADV_DONTNEED) n = std::min<std::uint64_t>(n, 16);
    std::uint64_t first = rng_.below(kPages);
    if (rng_.chance(60)) first = first / 16 * 16;
    n = std::min(n, kPages - first);
    const auto done = p.process->madvise(page(first), PageCount(n).bytes(), advice);
    if (advice != MADV_DONTNEED || !done) return;
    std::fill_n(p.pages.begin() + static_cast<std::ptrdiff_t>(first), n, SoakPage{});
  }
  void fork(Program& p) {
    if (programs_.size() == kMostPrograms) return;
    const auto child = p.process->fork();
    if (!child) return refused(child.error());
    programs_.push_back({*child, p.pages});
  }
  void leave() {
    if (programs_.size() == 1) return;
    const auto who = static_cast<std::ptrdiff_t>(rng_.below(programs_.size()));
    programs_[static_cast<std::size_t>(who)].process->exit();
    programs_.erase(programs_.begin() + who);
  }
  // What happens to all programs.
  void shake() {
    switch (rng_.below(5)) {
      case 0:
        kernel_->shrink_deferred_splits(1 + rng_.below(20));
        return;
      case 1:
        EXPECT_TRUE(kernel_->debugfs_write("split_huge_pages", "1"));
        return;
      case 2:
        kernel_->khugepaged(1);
        return;
      case 3: {
        constexpr std::array<const char*, 3> kSizes{"16", "64", "2048"};
        constexpr std::array<const char*, 3> kWords{"always", "madvise", "never"};
        EXPECT_TRUE(kernel_->sysfs_write(fmt::format("hugepages-{}kB/enabled", kSizes[rng_.below(3)]),
                                         kWords[rng_.below(3)]));
        return;
      }
      default:
        swapped_out = *kernel_->vmstat("pswpout");
    }
  }

  base::Rng rng_;
  bool tags_;
  unsigned lost_every_ = 0, saves_ = 0;
  unsigned io_fails_every_ = 0, alloc_fails_every_ = 0, allocations_ = 0;
  std::unique_ptr<Kernel> kernel_;
  std::vector<Program> programs_;
  SoakBytes bytes_{}, found_{};
  PageTags found_tags_{};
};

class SwapSoak : public ::testing::TestWithParam<Setting> {};

TEST_P(SwapSoak, EveryByteIsRight) {
  Soak soak(GetParam(), 1);
  play(soak);
  EXPECT_GT(soak.failures, 0U);
  EXPECT_GT(soak.swapped_out, 0U);
}

// And a kernel that loses the tags of a page now and then would be found, by that alone.
TEST(SwapSoakOfTags, LostTagsAreFound) {
  Soak soak({"", "thp_anon=16K-64K,2M:always", kSynchronous, MemoryTags::kMteAnywhere}, 1);
  soak.lose_tags(100);
  for (std::uint64_t i = 0; i < 5000; ++i) soak.step();
  soak.check();
  EXPECT_GT(soak.wrong_tags, 0U);
  EXPECT_EQ(soak.wrong_bytes, 0U);
}

constexpr swap::Traits kZramLike{.block_device = true, .synchronous = true};
constexpr swap::Traits kDisk{.block_device = true, .synchronous = false};
constexpr swap::Traits kFile{.block_device = false, .synchronous = false};

INSTANTIATE_TEST_SUITE_P(
    Settings, SwapSoak,
    ::testing::Values(
        Setting{"Linux", "thp_anon=16K-64K,2M:always", kZramLike},
        Setting{"Disk", "thp_anon=64K,2M:always", kDisk}, Setting{"File", "thp_anon=64K:always", kFile},
        Setting{"Single", "swap-in-single thp_anon=16K-1M:always", kZramLike},
        Setting{"Shared", "swap-in-shared thp_anon=16K-1M:always", kDisk},
        Setting{"PmdEntries", "pmd-swap thp_anon=64K,2M:always", kZramLike},
        Setting{"AnySlots", "swap-slots-any thp_anon=16K-2M:always", kZramLike},
        Setting{"Tags", "thp_anon=16K-64K,2M:always", kZramLike, MemoryTags::kMteAnywhere},
        Setting{"TagsDisk", "thp_anon=64K,2M:always", kDisk, MemoryTags::kMteAnywhere},
        Setting{"TagsFile", "thp_anon=64K:always", kFile, MemoryTags::kMteAnywhere},
        Setting{"TagsShared", "swap-in-shared thp_anon=16K-1M:always", kDisk, MemoryTags::kMteAnywhere},
        Setting{"TagsPmdEntries", "pmd-swap thp_anon=64K,2M:always", kZramLike, MemoryTags::kMteAnywhere},
        Setting{"TagsAnySlots", "swap-slots-any thp_anon=16K-2M:always", kZramLike,
                MemoryTags::kMteAnywhere}),
    [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace quire
