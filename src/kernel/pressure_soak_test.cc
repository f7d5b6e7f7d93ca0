// Programs that use several times the memory of their machine, and groups that are too small
// for them: kswapd, direct reclaim and the end of memory take what they can, into zram, zswap and
// block devices, while allocations and devices fail. What a program that lives on reads is what
// it wrote, every byte and every memory tag.
//
// The suite does a short run. QUIRE_SOAK_OPERATIONS=1000000 makes it long.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "kernel/kernel.h"
#include "kernel/swap_devices.h"
#include "kernel/testing_machine.h"
#include "kernel/testing_soak.h"
#include "kernel/testing_tags.h"
#include "policy/parse.h"
#include "split/shrinker.h"
#include "split/split_words.h"
#include "swap/failing_device.h"
#include "vm/fault.h"
#include "vm/madvise.h"
#include "vm/syscalls.h"

namespace quire {
namespace {

using namespace testing;
using reclaim::LruKind;
using stats::VmEvent;
using vm::Advice;

constexpr PageCount kRam{4096};         // 16 MiB
constexpr std::uint64_t kPages = 2048;  // of a program: half of that
constexpr std::size_t kMostPrograms = 5;
constexpr ByteCount kUnit64K = 64_KiB;

struct Setting {
  const char* name;
  const char* policy;
  LruKind lru;
  std::vector<SwapDevice> devices;
  std::optional<ZswapSettings> zswap = std::nullopt;
  phys::MemoryTags tags = phys::MemoryTags::kNone;
};

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

// MADV_FREE leaves it to the kernel when a page becomes zeroes.
struct Page : SoakPage {
  bool may_be_gone = false;
};

struct Program {
  vm::AddressSpace* mm;
  std::vector<Page> pages;
};

class Soak {
 public:
  Soak(const Setting& setting, std::uint64_t seed)
      : setting_(setting), rng_(seed), tags_(setting.tags != phys::MemoryTags::kNone) {
    auto made = kernel::Kernel::create({.ram = kRam.bytes(), .tags = setting.tags},
                                       *policy::parse_policy(setting.policy));
    EXPECT_TRUE(made.has_value());
    kernel_ = std::move(*made);
    const bool apart = setting.lru == LruKind::kDual || setting.lru == LruKind::kDualGenerations;
    kernel_->start_reclaim(
        {.lru = setting.lru, .min_free = PageCount(128).bytes(), .pool_blocks = apart ? 8U : 0U});
    if (setting.zswap) {
      EXPECT_TRUE(kernel_->start_zswap(*kernel::zswap_options(kernel_->system(), *setting.zswap)));
    }
    for (const SwapDevice& device : setting.devices) add(device);
    for (const std::uint64_t limit : {600U, 1500U}) {
      groups_.push_back(reclaimer().groups().create("g"));
      reclaimer().set_max(groups_.back(), PageCount(limit));
    }
    kernel_->system().memory.set_failure_injector(
        [this](Order) { return alloc_fails_every_ != 0 && ++allocations_ % alloc_fails_every_ == 0; });
    spawn();
  }

  void step() {
    if (rng_.below(64) == 0) change_faults();
    if (programs_.empty()) spawn();
    Program& p = programs_[rng_.below(programs_.size())];
    const std::uint64_t what = rng_.below(1000);
    if (tags_ && what < 150) {
      tag(p, rng_.below(kPages));
    } else if (what < 450) {
      write(p, rng_.below(kPages));
    } else if (what < 800) {
      read(p, rng_.below(kPages));
    } else if (what < 850) {
      write_run(p);
    } else if (what < 970) {
      advise(p);
    } else if (what < 978) {
      fork(p);
    } else if (what < 983) {
      if (programs_.size() < kMostPrograms) spawn();
    } else if (what < 988) {
      leave();
    } else {
      shake();
    }
    bury();
  }

  // Nothing fails any more: who is not killed for want of memory has everything.
  void check() {
    fail_nothing();
    expect_sound();
    for (Program& p : programs_)
      for (std::uint64_t i = 0; i < kPages && !p.mm->oom_killed; ++i) read(p, i);
    bury();
    expect_sound();
  }

  void finish() {
    check();
    for (Program& p : programs_) kernel_->destroy(*p.mm);
    EXPECT_EQ(kernel_->system().swap.used(), PageCount(0));
    EXPECT_EQ(kernel_->system().swap.tags_saved(), PageCount(0));
    expect_sound();
  }

  [[nodiscard]] std::uint64_t count(VmEvent event) const { return kernel_->system().counters.get(event); }

  std::uint64_t failures = 0, wrong_bytes = 0, wrong_tags = 0, buried = 0;

 private:
  [[nodiscard]] reclaim::Reclaimer& reclaimer() { return *kernel_->reclaimer(); }
  void expect_sound() {
    base::InvariantReport report;
    kernel_->check_invariants(report);
    EXPECT_EQ(report.text(), "");
  }

  // A device that fails when it is told to. There may be too little memory for one.
  void add(const SwapDevice& description) {
    auto device = kernel::make_swap_device(kernel_->system(), description);
    ASSERT_TRUE(device.has_value()) << device.error().line();
    auto failing = std::make_unique<swap::FailingDevice>(std::move(*device), failures_now_);
    swap::FailingDevice* const raw = failing.get();
    const auto number = kernel_->swapon(std::move(failing));
    if (number) devices_.push_back({*number, raw, description});
  }
  void spawn() {
    vm::AddressSpace& mm = kernel_->create_address_space();
    mm.layout = vm::compute_layout(mm.limits.stack);
    mm.group = rng_.chance(40) ? groups_[rng_.below(2)] : folio::kRootGroup;
    vm::MmapRequest request;
    request.addr = kArena;
    request.length = PageCount(kPages).bytes();
    request.prot = PROT_READ | PROT_WRITE | (tags_ ? kProtMte : 0);
    request.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    EXPECT_TRUE(vm::mmap(mm, request));
    programs_.push_back({&mm, std::vector<Page>(kPages)});
  }

  void change_faults() {
    alloc_fails_every_ = rng_.chance(60) ? 0 : 2 + static_cast<unsigned>(rng_.below(60));
    failures_now_ = {};
    if (rng_.chance(50)) failures_now_.writes.every = 2 + rng_.below(40);
    if (rng_.chance(50)) failures_now_.reads.every = 2 + rng_.below(40);
    tell_devices();
  }
  void fail_nothing() {
    alloc_fails_every_ = 0;
    failures_now_ = {};
    tell_devices();
  }
  void tell_devices() {
    for (const Device& device : devices_) device.raw->set(failures_now_);
  }
  [[nodiscard]] bool calm() const {
    return alloc_fails_every_ == 0 && failures_now_.writes.every == 0 && failures_now_.reads.every == 0;
  }

  // Whether the access was done. Only memory may stand in its way while no device fails, and
  // while no allocation fails on purpose either only the end of the program.
  [[nodiscard]] bool reach(Program& p, std::uint64_t i, AccessKind kind) {
    const FaultResult result = vm::access(*p.mm, page(i), kind);
    if (is_served(result)) return true;
    ++failures;
    if (calm()) {
      EXPECT_TRUE(result == FaultResult::kOom && p.mm->oom_killed)
          << "ended with " << static_cast<int>(result);
    }
    return false;
  }
  [[nodiscard]] std::byte* bytes_of(const Program& p, std::uint64_t i) const {
    return p.mm->memory().bytes(vm::mapped_frame(*p.mm, page(i)));
  }
  [[nodiscard]] bool has_bytes(const Program& p, std::uint64_t i, Stamp stamp) {
    make_bytes(stamp, bytes_);
    return std::memcmp(bytes_of(p, i), bytes_.data(), kPageSize) == 0;
  }
  [[nodiscard]] bool has_tags(const Program& p, std::uint64_t i, Stamp stamp) const {
    if (!tags_) return true;
    const PageTags wanted = make_tags(stamp);
    const Pfn frame = vm::mapped_frame(*p.mm, page(i));
    for (std::uint64_t g = 0; g < kTagsPerPage; ++g)
      if (p.mm->memory().tags()->get(frame, g) != wanted[g]) return false;
    return true;
  }
  // A page that the kernel was free to drop is wholly there or wholly zeroes.
  void expect(Program& p, std::uint64_t i) {
    Page& known = p.pages[i];
    if (known.may_be_gone && has_bytes(p, i, 0) && has_tags(p, i, 0)) known = Page{};
    if (!has_bytes(p, i, known.bytes)) ++wrong_bytes;
    if (!has_tags(p, i, known.tags)) ++wrong_tags;
  }
  [[nodiscard]] Stamp draw_stamp() {
    return rng_.chance(10) ? 0 : static_cast<Stamp>(1 + rng_.below(1U << 30));
  }

  void write(Program& p, std::uint64_t i) {
    if (!reach(p, i, AccessKind::kWrite)) return;
    expect(p, i);
    const Stamp stamp = draw_stamp();
    make_bytes(stamp, bytes_);
    std::memcpy(bytes_of(p, i), bytes_.data(), kPageSize);
    p.pages[i].bytes = stamp;
    p.pages[i].may_be_gone = false;
  }
  // Neighbours, as programs do.
  void write_run(Program& p) {
    const std::uint64_t first = rng_.below(kPages - 64);
    for (std::uint64_t i = first; i < first + 64 && !p.mm->oom_killed; ++i) write(p, i);
  }
  void tag(Program& p, std::uint64_t i) {
    if (!reach(p, i, AccessKind::kWrite)) return;
    expect(p, i);
    const Stamp stamp = draw_stamp();
    const PageTags tags = make_tags(stamp);
    const Pfn frame = vm::mapped_frame(*p.mm, page(i));
    for (std::uint64_t g = 0; g < kTagsPerPage; ++g) p.mm->memory().tags()->set(frame, g, tags[g]);
    p.pages[i].tags = stamp;
    p.pages[i].may_be_gone = false;
  }
  void read(Program& p, std::uint64_t i) {
    if (reach(p, i, AccessKind::kRead)) expect(p, i);
  }

  void advise(Program& p) {
    constexpr std::array<Advice, 12> kAdvice{
        Advice::kPageOut,    Advice::kPageOut,      Advice::kCold,          Advice::kWillNeed,
        Advice::kFree,       Advice::kDontNeed,     Advice::kCollapse,      Advice::kHugePage,
        Advice::kNoHugePage, Advice::kPopulateRead, Advice::kPopulateWrite, Advice::kFree};
    constexpr std::array<std::uint64_t, 6> kLengths{1, 3, 16, 64, 512, 1000};
    const Advice advice = kAdvice[rng_.below(kAdvice.size())];
    const bool drops = advice == Advice::kDontNeed || advice == Advice::kFree;
    std::uint64_t n = kLengths[rng_.below(kLengths.size())];
    if (drops) n = std::min<std::uint64_t>(n, 16);
    std::uint64_t first = rng_.below(kPages);
    if (rng_.chance(60)) first = first / 16 * 16;
    n = std::min(n, kPages - first);
    const auto done = vm::madvise(*p.mm, page(first), PageCount(n).bytes(), advice);
    for (std::uint64_t i = first; i < first + n && drops; ++i) {
      if (advice == Advice::kDontNeed && done) p.pages[i] = Page{};
      if (advice == Advice::kFree) free_page(p, i);
    }
  }
  // What was read back past the swap cache has a clean folio and clean entries, which fork copies:
  // MADV_FREE by one of those who share it lets it go for all, on Linux as here
  // (litmus/free-lets-a-shared-page-go.litmus). Past the cache is zram only.
  void free_page(Program& p, std::uint64_t i) {
    const Page freed = p.pages[i];
    p.pages[i].may_be_gone = true;
    if (setting_.devices.front().kind != SwapDevice::Kind::kZram) return;
    for (Program& other : programs_)
      if (other.pages[i].bytes == freed.bytes && other.pages[i].tags == freed.tags)
        other.pages[i].may_be_gone = true;
  }
  void fork(Program& p) {
    if (programs_.size() == kMostPrograms) return;
    const auto child = kernel_->fork(*p.mm);
    if (child) {
      programs_.push_back({*child, p.pages});
      return;
    }
    ++failures;
    EXPECT_EQ(child.error(), Errno::kNoMem);
  }
  void leave() {
    if (programs_.size() == 1) return;
    const auto who = static_cast<std::ptrdiff_t>(rng_.below(programs_.size()));
    kernel_->destroy(*programs_[static_cast<std::size_t>(who)].mm);
    programs_.erase(programs_.begin() + who);
  }
  // Who was ended for want of memory is gone, with what it had.
  void bury() {
    std::erase_if(programs_, [this](const Program& p) {
      if (!p.mm->oom_killed) return false;
      kernel_->destroy(*p.mm);
      ++buried;
      return true;
    });
  }

  // What happens to the whole machine.
  void shake() {
    vm::System& system = kernel_->system();
    switch (rng_.below(7)) {
      case 0:
        split::deferred_split_scan(system, 1 + rng_.below(20));
        return;
      case 1:
        split::split_all(system);
        return;
      case 2: {
        std::vector<vm::BlockScan> log;
        system.khugepaged.do_scan(log);
        return;
      }
      case 3: {
        constexpr std::array<const char*, 3> kSizes{"16", "64", "2048"};
        constexpr std::array<const char*, 3> kWords{"always", "madvise", "never"};
        EXPECT_TRUE(kernel_->sysfs().write(fmt::format("hugepages-{}kB/enabled", kSizes[rng_.below(3)]),
                                           kWords[rng_.below(3)]));
        return;
      }
      case 4:
        reclaimer().set_max(groups_[rng_.below(2)], PageCount(200 + rng_.below(2000)));
        return;
      case 5:
        reclaimer().reclaim(folio::kRootGroup, PageCount(1 + rng_.below(512)));
        return;
      default:
        turn_off_and_on();
    }
  }
  // All that a device has comes back into a memory that is short, or as much as goes.
  void turn_off_and_on() {
    const std::size_t which = rng_.below(devices_.size());
    const Device device = devices_[which];
    const auto done = kernel_->swapoff(device.number);
    if (!done) {
      ++failures;
      EXPECT_TRUE(done.error() == Errno::kNoMem || done.error() == Errno::kIo) << errno_name(done.error());
      return;
    }
    devices_.erase(devices_.begin() + static_cast<std::ptrdiff_t>(which));
    add(device.description);
  }

  struct Device {
    std::uint8_t number;
    swap::FailingDevice* raw;
    SwapDevice description;
  };
  Setting setting_;
  base::Rng rng_;
  bool tags_;
  unsigned alloc_fails_every_ = 0, allocations_ = 0;
  swap::FailingOptions failures_now_;
  std::unique_ptr<kernel::Kernel> kernel_;
  std::vector<Device> devices_;
  std::vector<folio::GroupId> groups_;
  std::vector<Program> programs_;
  SoakBytes bytes_{};
};

class PressureSoak : public ::testing::TestWithParam<Setting> {};

// Whatever is taken back, written out, split, dropped and killed: the living have all they wrote.
TEST_P(PressureSoak, EveryByteIsRight) {
  Soak soak(GetParam(), 1);
  play(soak);
  // It was what it says: short of memory, both ways of reclaim at work, and now and then at its end.
  EXPECT_GT(soak.count(VmEvent::pgsteal_kswapd), 1000U);
  EXPECT_GT(soak.count(VmEvent::pgsteal_direct), 1000U);
  EXPECT_GT(soak.count(VmEvent::pswpout) + soak.count(VmEvent::zswpout), 5000U);
  EXPECT_GT(soak.count(VmEvent::pswpin) + soak.count(VmEvent::zswpin), 1000U);
  EXPECT_GT(soak.failures, 0U);
  EXPECT_TRUE(soak_operations() < 100'000 || soak.buried > 0) << "a short run may spare everybody";
  RecordProperty("swapped_out", std::to_string(soak.count(VmEvent::pswpout) + soak.count(VmEvent::zswpout)));
  RecordProperty("killed", std::to_string(soak.buried));
}

// Half of what is written does not compress: it takes up to two fifths of the RAM.
SwapDevice zram(ByteCount unit = PageCount(1).bytes(), unsigned threads = 1) {
  return {.kind = SwapDevice::Kind::kZram,
          .size = PageCount(2400).bytes(),
          .algorithm = "lz4",
          .unit = unit,
          .threads = threads};
}
SwapDevice disk(std::uint64_t pages = 3000) {
  return {.kind = SwapDevice::Kind::kBlock, .size = PageCount(pages).bytes()};
}
SwapDevice file() { return {.kind = SwapDevice::Kind::kFile, .size = PageCount(1000).bytes()}; }
ZswapSettings zswap(unsigned percent, ZswapSettings::Load load = ZswapSettings::Load::kSinglePages) {
  return {.compressor = "lz4", .max_pool_percent = percent, .shrinker = percent > 5, .load = load};
}

constexpr const char* kMixed = "thp_anon=16K-64K,2M:always";
constexpr auto kMte = phys::MemoryTags::kMte;
constexpr auto kWhole = ZswapSettings::Load::kWholeFolios;

INSTANTIATE_TEST_SUITE_P(
    Settings, PressureSoak,
    ::testing::Values(
        Setting{"ClassicZram", kMixed, LruKind::kClassic, {zram(), disk(1500)}},
        Setting{"GenerationsZram64K",
                "thp_anon=64K,2M:always",
                LruKind::kGenerations,
                {zram(kUnit64K, 1), disk(1500)}},
        Setting{"DualZram64K", "64K", LruKind::kDual, {zram(kUnit64K), disk(1500)}},
        Setting{"DualGenerationsDisk", kMixed, LruKind::kDualGenerations, {disk()}},
        Setting{"ClassicZswap", kMixed, LruKind::kClassic, {disk()}, zswap(3)},
        Setting{"GenerationsZswapWhole",
                "thp_anon=16K-256K:always",
                LruKind::kGenerations,
                {disk()},
                zswap(25, kWhole)},
        Setting{"DualZswap", "64K", LruKind::kDual, {disk(1000), file()}, zswap(20)},
        Setting{"ClassicAnySlots", "swap-slots-any thp_anon=16K-2M:always", LruKind::kClassic, {disk()}},
        Setting{"GenerationsAnySlotsZram",
                "swap-slots-any thp_anon=16K-2M:always",
                LruKind::kGenerations,
                {zram(), disk(1500)}},
        Setting{
            "ClassicPmdEntries", "pmd-swap thp_anon=64K,2M:always", LruKind::kClassic, {zram(), disk(1500)}},
        Setting{
            "GenerationsShared", "swap-in-shared thp_anon=16K-1M:always", LruKind::kGenerations, {disk()}},
        Setting{"TagsClassicZram", kMixed, LruKind::kClassic, {zram(), disk(1500)}, std::nullopt, kMte},
        Setting{"TagsGenerationsZram64K",
                "64K",
                LruKind::kGenerations,
                {zram(kUnit64K), disk(1500)},
                std::nullopt,
                kMte},
        Setting{"TagsGenerationsZswap", kMixed, LruKind::kGenerations, {disk()}, zswap(20, kWhole), kMte},
        Setting{"TagsDualAnySlots",
                "swap-slots-any thp_anon=16K-1M:always",
                LruKind::kDual,
                {disk()},
                std::nullopt,
                kMte}),
    [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace quire
