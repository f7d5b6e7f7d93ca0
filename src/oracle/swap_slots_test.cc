// The slots of src/swap are those of the running kernel.
//
// A program of one processor writes folios of many sizes, has them paged out to a
// zram device of the test's own, touches them, and lets go of them, at random. After each
// call pagemap shows every page's slot; the same folios go through SwapSpace, which must
// have put each page there.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "live/layout.h"
#include "oracle/kernel_side.h"
#include "oracle/live_programs.h"
#include "oracle/testing_setting.h"
#include "oracle/testing_zram.h"
#include "swap/cluster.h"
#include "swap/testing_slots.h"

namespace quire::litmus {
namespace {

using testing::ZramOptions;
using Kind = ZramOptions::Kind;

constexpr std::uint64_t kArena = 0x200000000;
constexpr std::uint64_t kApart = 4_MiB .raw();

// Where a page is: in a slot, in memory, nowhere.
struct Where {
  std::optional<SwapEntry> slot;
  bool present = false;
  bool operator==(const Where&) const = default;
};

// A mapping in which a first write makes one folio of this order, or single pages.
struct Area {
  std::uint64_t addr = 0;
  std::uint64_t pages = 0;
  std::vector<Where> live;
  std::vector<std::optional<SwapEntry>> ours;

  [[nodiscard]] VirtRange range() const { return {VirtAddr(addr), VirtAddr(addr + pages * kPageSize)}; }
  [[nodiscard]] bool any_present() const {
    return std::ranges::any_of(live, [](const Where& w) { return w.present; });
  }
  [[nodiscard]] bool any_swapped() const {
    return std::ranges::any_of(live, [](const Where& w) { return w.slot.has_value(); });
  }
};

// One kernel, one program, one device; and ours.
class Pair {
 public:
  Pair(KernelHost& host, std::uint64_t seed, const std::vector<ZramOptions>& devices);

  // Its devices are in use, and nobody else's.
  [[nodiscard]] bool usable() const {
    std::ifstream in("/proc/swaps");
    const auto lines = std::count(std::istreambuf_iterator<char>(in), {}, '\n');
    return lines == 1 + static_cast<std::ptrdiff_t>(zram_.size()) &&
           std::ranges::all_of(zram_, [](const auto& device) { return device->on(); });
  }
  void map(std::uint64_t pages) {
    Area area;
    area.addr = kArena + areas_.size() * kApart;
    area.pages = pages;
    area.live.resize(pages);
    area.ours.resize(pages);
    do_call({.call = Call::kMmap,
             .addr = area.addr,
             .length = pages * kPageSize,
             .number = PROT_READ | PROT_WRITE,
             .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE});
    areas_.push_back(area);
  }
  // One random call, and what it led to. What is wrong, or nothing.
  [[nodiscard]] std::string step();
  // What was compared: folios that went out whole, by order, and those that were split.
  [[nodiscard]] std::string placed() const;

 private:
  void do_call(const Command& command) {
    const auto answer = programs_.run(0, command);
    if (!answer || answer->error != 0)
      broken_ = fmt::format("call {}: {}", static_cast<int>(command.call), answer ? answer->error : -1);
  }
  [[nodiscard]] std::vector<live::PageView> layout(const Area& area) {
    host_.layouts().forget();
    const auto views = host_.layouts().read(programs_.pid(0), area.range());
    if (!views) broken_ = views.error().what;
    return views ? *views : std::vector<live::PageView>(area.pages);
  }
  void look(Area& area);
  void page_out(Area& area);
  void out(Area& area, std::uint64_t page, Order order);
  void out_split(Area& area, std::uint64_t page);
  void let_go(Area& area, const std::vector<Where>& before);
  void wait_for_discards();
  [[nodiscard]] std::string compare(const Area& area) const;

  KernelHost& host_;
  base::Rng rng_;
  std::vector<std::unique_ptr<testing::ZramSwap>> zram_;
  LivePrograms programs_;
  swap::testing::Space ours_;
  std::vector<Area> areas_;
  std::string broken_;
  std::array<std::uint64_t, kPmdOrder + 1> whole_{};
  std::uint64_t split_ = 0, none_ = 0;
  std::string folios_;  // that were to go out: page and order
};

Pair::Pair(KernelHost& host, std::uint64_t seed, const std::vector<ZramOptions>& devices)
    : host_(host), rng_(seed) {
  for (const ZramOptions& device : devices) {
    zram_.push_back(std::make_unique<testing::ZramSwap>(device));
    ours_.swapon(device.slots.raw(), static_cast<std::int16_t>(device.priority),
                 {.block_device = true,
                  .synchronous = true,
                  .rotational = device.kind == ZramOptions::Kind::kDisk,
                  .discards = device.kind == ZramOptions::Kind::kDiscarding});
  }
}

void Pair::look(Area& area) {
  const auto pagemap = live::Pagemap::open(programs_.pid(0));
  std::vector<std::uint64_t> words(area.pages);
  if (!pagemap || !pagemap->words(VirtAddr(area.addr), words)) broken_ = "no pagemap";
  for (std::uint64_t i = 0; i < area.pages; ++i) {
    const bool swapped = (words[i] >> 62 & 1) != 0;
    area.live[i] = {.slot = std::nullopt, .present = (words[i] >> 63) != 0};
    if (swapped) area.live[i].slot = SwapEntry(static_cast<std::uint8_t>(words[i] & 31), words[i] << 9 >> 14);
  }
}

// Slots that no entry of the program names any more were given back.
void Pair::let_go(Area& area, const std::vector<Where>& before) {
  for (std::uint64_t i = 0; i < area.pages;) {
    std::uint64_t n = 0;
    while (i + n < area.pages && before[i + n].slot && !area.live[i + n].slot && area.ours[i + n] &&
           *area.ours[i + n] == *area.ours[i] + PageCount(n)) {
      ++n;
    }
    if (n != 0) ours_.swap.put(*area.ours[i], PageCount(n));
    for (std::uint64_t k = 0; k < n; ++k) area.ours[i + k].reset();
    i += std::max<std::uint64_t>(n, 1);
  }
}

// A folio that finds no slots in a row is split; its pages go out from the last to the first.
void Pair::out(Area& area, std::uint64_t page, Order order) {
  if (const auto entry = ours_.try_out(order)) {
    for (PageCount i; i < order.pages(); i += PageCount(1)) area.ours[page + i.raw()] = *entry + i;
    ++whole_[order.raw()];
    return;
  }
  ++(order == kOrder0 ? none_ : split_);
  if (order == kOrder0) return;
  out_split(area, page);
  for (std::uint64_t i = order.pages().raw() - 1; i > 0; --i) out_split(area, page + i);
}

// Of a split folio, a page of zeroes has the zero page in its place from then on, and what it
// was goes out all the same: its slot is taken and given back.
void Pair::out_split(Area& area, std::uint64_t page) {
  out(area, page, kOrder0);
  if (!area.live[page].present || !area.ours[page]) return;
  ours_.swap.put(*area.ours[page]);
  area.ours[page].reset();
}

void Pair::page_out(Area& area) {
  const std::vector<live::PageView> views = layout(area);
  folios_.clear();
  for (std::uint64_t i = 0; i < area.pages; ++i)
    if (views[i].present && views[i].head == views[i].pfn)
      folios_ += fmt::format(" {}:{}", i, views[i].order.raw());
  do_call(
      {.call = Call::kMadvise, .addr = area.addr, .length = area.pages * kPageSize, .number = MADV_PAGEOUT});
  look(area);
  for (std::uint64_t i = 0; i < area.pages; ++i)
    if (views[i].present && !views[i].zero && views[i].head == views[i].pfn) out(area, i, views[i].order);
}

// The kernel has a worker tell the device of empty clusters; until then they are not free.
void Pair::wait_for_discards() {
  constexpr int kPatience = 1'000'000;  // looks at a file
  for (std::size_t d = 0; d < zram_.size(); ++d) {
    if (!ours_.swap.traits(static_cast<std::uint8_t>(d)).discards) continue;
    const auto& device =
        static_cast<const swap::testing::MapDevice&>(ours_.swap.backend(static_cast<std::uint8_t>(d)));
    int looks = 0;
    while (zram_[d]->forgotten() < device.frees + swap::kClusterSlots * device.discards && looks < kPatience)
      ++looks;
    if (looks == kPatience) broken_ = "the device is not told of empty clusters";
  }
}

std::string Pair::compare(const Area& area) const {
  std::string text;
  const auto name = [](const std::optional<SwapEntry>& e) {
    return e ? fmt::format("{}:{}", e->device(), e->slot()) : "none";
  };
  for (std::uint64_t i = 0; i < area.pages; ++i) {
    const Where& live = area.live[i];
    if (area.ours[i] == live.slot) continue;
    text += fmt::format("page {} of {} at {:#x}: kernel {}{}, ours {}\n", i, area.pages, area.addr,
                        name(live.slot), live.present ? " present" : "", name(area.ours[i]));
    if (text.size() > 2000) break;
  }
  return text;
}

std::string Pair::step() {
  Area& area = areas_[rng_.below(areas_.size())];
  const std::vector<Where> before = area.live;
  const std::uint64_t first = rng_.below(area.pages);
  const std::uint64_t count = 1 + rng_.below(area.pages - first);
  std::string what;
  const std::uint64_t dice = rng_.below(10);
  if (!area.any_present() && !area.any_swapped()) {
    what = "write all, page out";
    do_call({.call = Call::kWrite, .addr = area.addr, .length = area.pages * kPageSize, .value = 7});
    page_out(area);
  } else if (area.any_present() && dice < 7) {
    what = "page out";
    page_out(area);
  } else if (dice < 2) {
    what = "let go of all";
    do_call({.call = Call::kMadvise,
             .addr = area.addr,
             .length = area.pages * kPageSize,
             .number = MADV_DONTNEED});
  } else if (dice < 4 && !area.any_present()) {
    what = fmt::format("let go of {}+{}", first, count);
    do_call({.call = Call::kMadvise,
             .addr = area.addr + first * kPageSize,
             .length = count * kPageSize,
             .number = MADV_DONTNEED});
  } else if (dice < 8) {
    what = fmt::format("write page {}", first);
    do_call({.call = Call::kWrite, .addr = area.addr + first * kPageSize, .length = kPageSize, .value = 7});
  } else {
    what = fmt::format("write {}+{}", first, count);
    do_call({.call = Call::kWrite,
             .addr = area.addr + first * kPageSize,
             .length = count * kPageSize,
             .value = 7});
  }
  look(area);
  let_go(area, before);
  wait_for_discards();
  if (!broken_.empty()) return what + ": " + broken_;
  const std::string wrong = compare(area);
  if (wrong.empty()) return {};
  return fmt::format("{} of {} pages\n{}folios{}\n{}", what, area.pages, wrong, folios_,
                     ours_.swap.picture(0));
}

std::string Pair::placed() const {
  return fmt::format("whole, by order: {}; split {}; pages without a slot {}\n", fmt::join(whole_, " "),
                     split_, none_);
}

policy::Settings every_size() {
  policy::Settings settings;
  for (unsigned o = 2; o <= kPmdOrder; ++o) settings.at(Order(o)) = policy::SizeEnabled::always;
  return settings;
}

class SwapSlots : public ::testing::Test {
 protected:
  // Random calls with fresh devices, for some seeds.
  void run(const std::vector<ZramOptions>& devices) {
    auto host = KernelHost::open();
    if (!host) GTEST_SKIP() << host.error().what;
    ASSERT_TRUE(host->apply(every_size()));
    const std::uint64_t first = testing::setting("QUIRE_SWAP_FIRST", 1);
    const std::uint64_t seeds = testing::setting("QUIRE_SWAP_SEEDS", 2);
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      Pair pair(*host, seed, devices);
      if (!pair.usable()) GTEST_SKIP() << "no zram device can be had, or somebody else swaps";
      for (const std::uint64_t pages : kAreas) pair.map(pages);
      for (std::uint64_t step = 0; step < testing::setting("QUIRE_SWAP_STEPS", 600); ++step)
        ASSERT_EQ(pair.step(), "") << "seed " << seed << ", step " << step;
      report_ += pair.placed();
    }
    std::cout << report_;
  }

 private:
  static constexpr std::array<std::uint64_t, 36> kAreas{
      512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 128, 64, 64, 64,  32,  32,  32,  16,
      16,  16,  16,  16,  8,   8,   8,   4,   4,   4,   3,   3,  3,  513, 515, 100, 200, 300};
  std::string report_;
};

// One device that all of it nearly fills.
TEST_F(SwapSlots, AreThoseOfTheKernel) { run({{.slots = PageCount(10 * 512 + 100), .priority = 9}}); }

// A device that is often full.
TEST_F(SwapSlots, OfADeviceThatIsFull) { run({{.slots = PageCount(5 * 512), .priority = 9}}); }

// Devices of the same priority take turns; one below takes what they have no room for.
TEST_F(SwapSlots, OfDevicesByPriority) {
  run({{.slots = PageCount(2 * 512 + 7), .priority = 9},
       {.slots = PageCount(3 * 512), .priority = 9},
       {.slots = PageCount(6 * 512), .priority = 3}});
}

// A disk that turns has one place to go on for everybody.
TEST_F(SwapSlots, OfADiskThatTurns) {
  run({{.slots = PageCount(7 * 512), .priority = 9, .kind = Kind::kDisk},
       {.slots = PageCount(5 * 512), .priority = 9, .kind = Kind::kDisk}});
}

// A device that is told of empty clusters takes free ones first. The kernel frees them in a
// worker, a moment after the device is told: where that worker is held up they differ.
TEST_F(SwapSlots, OfADeviceThatDiscards) {
  if (testing::setting("QUIRE_SWAP_DISCARDS", 0) == 0)
    GTEST_SKIP() << "races with a worker of the kernel; QUIRE_SWAP_DISCARDS=1 has it run";
  run({{.slots = PageCount(10 * 512 + 100), .priority = 9, .kind = Kind::kDiscarding}});
}

}  // namespace
}  // namespace quire::litmus
