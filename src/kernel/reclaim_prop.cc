// Everything at once: processes that fork, write, read, advise and end, on a machine and
// in groups that are too small for them, with every n-th allocation and every n-th device
// write failing. Every byte that was written and not lost with its process is there.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <vector>

#include "base/rng.h"
#include "kernel/testing_reclaim.h"
#include "vm/madvise.h"

namespace quire {
namespace {

using namespace testing;
using reclaim::LruKind;

constexpr std::uint64_t kPages = 1536;  // of each arena

struct Life {
  vm::AddressSpace* mm;
  VirtAddr at;
  std::map<std::uint64_t, std::uint64_t> book;  // page -> number; what is not in it is zero
};

// What a machine is given to suffer.
struct Trouble {
  LruKind lru;
  const char* policy;
  unsigned fail_allocation;  // every n-th; 0 none
  unsigned fail_write;       // every n-th write of the device; 0 none
  std::uint64_t seed;
  std::optional<ZswapSettings> zswap = std::nullopt;
};

class Play {
 public:
  explicit Play(const Trouble& t)
      : trouble_(t),
        m_({.ram = 16_MiB,
            .swap = 48_MiB,
            .policy = t.policy,
            .options = {.lru = t.lru, .min_free = 512_KiB, .pool_blocks = t.lru == LruKind::kDual ? 8U : 0U},
            .zswap = t.zswap}),
        rng_(t.seed) {
    for (const ByteCount max : {2_MiB, 5_MiB}) {
      groups_.push_back(m_.reclaimer().groups().create("g"));
      m_.reclaimer().set_max(groups_.back(), PageCount::covering(max));
    }
    if (t.fail_allocation != 0)
      m_.kernel->system().memory.set_failure_injector(
          [this](Order) { return ++allocations_ % trouble_.fail_allocation == 0; });
    spawn();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      m_.device->fails_to_write = trouble_.fail_write != 0 && i % static_cast<int>(trouble_.fail_write) == 0;
      step();
      bury();
      if (i % 2000 == 0) {
        ASSERT_EQ(m_.broken(), "") << "after step " << i;
      }
    }
    for (Life& life : lives_) expect_all(life);
    ASSERT_EQ(m_.broken(), "");
  }
  [[nodiscard]] std::uint64_t swapped() const {
    return m_.count(stats::VmEvent::pswpout) + m_.count(stats::VmEvent::swpout_zero);
  }
  [[nodiscard]] std::uint64_t count(stats::VmEvent event) const { return m_.count(event); }

 private:
  void spawn() {
    vm::AddressSpace& mm = m_.process(rng_.chance(50) ? folio::kRootGroup : groups_[rng_.below(2)]);
    lives_.push_back({&mm, ReclaimMachine::map(mm, PageCount(kPages).bytes()), {}});
  }
  void step() {
    if (lives_.empty()) spawn();
    Life& life = lives_[rng_.below(lives_.size())];
    const std::uint64_t page = rng_.below(kPages);
    const std::uint64_t what = rng_.below(1000);
    if (what < 550) return write(life, page);
    if (what < 950) return expect(life, page);
    if (what < 960) return fork(life);
    if (what < 975) return advise(life, page);
    if (what < 978 && lives_.size() < 6) return spawn();
    if (what < 982 && lives_.size() > 1) return end(life);
    // A run of neighbours, as programs do.
    for (std::uint64_t i = 0; i < 64; ++i) write(life, (page + i) % kPages);
  }
  void write(Life& life, std::uint64_t page) {
    const std::uint64_t value = ++next_;
    if (!is_served(ReclaimMachine::write(*life.mm, life.at + PageCount(page), value))) return;
    life.book[page] = value;
    if (trouble_.zswap && page % 2 == 0) fill_with_noise(life, page);
  }
  // Behind its number: what does not compress fills a pool.
  void fill_with_noise(const Life& life, std::uint64_t page) {
    std::byte* const bytes = life.mm->memory().bytes(vm::mapped_frame(*life.mm, life.at + PageCount(page)));
    for (std::size_t at = sizeof(std::uint64_t); at < kPageSize; at += sizeof(std::uint64_t)) {
      const std::uint64_t word = rng_.next();
      std::memcpy(bytes + at, &word, sizeof word);
    }
  }
  void expect(Life& life, std::uint64_t page) {
    const std::uint64_t got = ReclaimMachine::read(*life.mm, life.at + PageCount(page));
    if (got == ~0ULL) return;  // no frame for it now
    const auto found = life.book.find(page);
    ASSERT_EQ(got, found == life.book.end() ? 0 : found->second) << "page " << page;
  }
  void expect_all(Life& life) {
    for (std::uint64_t page = 0; page < kPages; ++page) expect(life, page);
  }
  void fork(Life& life) {
    if (lives_.size() >= 6) return;
    const auto child = m_.kernel->fork(*life.mm);
    if (child) lives_.push_back({*child, life.at, life.book});
  }
  void advise(Life& life, std::uint64_t page) {
    const std::uint64_t n = 1 + rng_.below(40);
    const std::uint64_t end = std::min(page + n, kPages);
    const auto kind = rng_.below(3);
    const vm::Advice advice = kind == 0   ? vm::Advice::kDontNeed
                              : kind == 1 ? vm::Advice::kCold
                                          : vm::Advice::kPageOut;
    const auto done = vm::madvise(*life.mm, life.at + PageCount(page), PageCount(end - page).bytes(), advice);
    if (kind == 0 && done)
      for (std::uint64_t p = page; p < end; ++p) life.book.erase(p);
  }
  void end(Life& life) {
    expect(life, rng_.below(kPages));
    m_.kernel->destroy(*life.mm);
    std::swap(life, lives_.back());
    lives_.pop_back();
  }
  // Whoever was ended for want of memory is gone, with what it had.
  void bury() {
    for (std::size_t i = 0; i < lives_.size();) {
      if (!lives_[i].mm->oom_killed) {
        ++i;
        continue;
      }
      m_.kernel->destroy(*lives_[i].mm);
      std::swap(lives_[i], lives_.back());
      lives_.pop_back();
    }
  }

  Trouble trouble_;
  ReclaimMachine m_;
  base::Rng rng_;
  std::vector<folio::GroupId> groups_;
  std::vector<Life> lives_;
  std::uint64_t next_ = 0;
  std::uint64_t allocations_ = 0;
};

struct ReclaimBytes : ::testing::TestWithParam<LruKind> {};
INSTANTIATE_TEST_SUITE_P(All, ReclaimBytes,
                         ::testing::Values(LruKind::kClassic, LruKind::kGenerations, LruKind::kDual,
                                           LruKind::kDualGenerations));

// Small folios, and large ones of every size.
TEST_P(ReclaimBytes, SurvivePressure) {
  for (const char* policy : {"never", "64K", "thp_anon=16K-1M:always"}) {
    Play play({GetParam(), policy, 0, 0, 1});
    play.run(30000);
    EXPECT_GT(play.swapped(), 1000U) << policy;
  }
}

// The same with zswap in front: a pool that is always full and writes back, and one that holds most; single
// pages loaded, or whole folios.
TEST_P(ReclaimBytes, SurvivePressureWithZswap) {
  using Load = ZswapSettings::Load;
  for (const unsigned percent : {1U, 40U}) {
    for (const Load load : {Load::kSinglePages, Load::kWholeFolios}) {
      const ZswapSettings zswap{
          .compressor = "lz4", .max_pool_percent = percent, .shrinker = percent > 10, .load = load};
      Play play({GetParam(), "thp_anon=16K-256K:always", 0, 0, percent, zswap});
      play.run(6000);
      EXPECT_GT(play.count(stats::VmEvent::zswpout), 100U);
      EXPECT_GT(play.count(stats::VmEvent::zswpin), 0U);
      if (percent < 10) {
        EXPECT_GT(play.count(stats::VmEvent::zswpwb), 0U);
      }
    }
  }
}

// And with frames that its pool does not get, and a device that refuses what it writes back.
TEST_P(ReclaimBytes, SurviveFailuresWithZswap) {
  for (const unsigned n : {2U, 7U}) {
    const ZswapSettings zswap{.compressor = "lz4", .max_pool_percent = 1, .shrinker = true};
    Play allocations({GetParam(), "64K", n, 0, n, zswap});
    allocations.run(1500);
    Play writes({GetParam(), "64K", 0, 10 * n, n, zswap});
    writes.run(1000);
  }
}

// Every n-th allocation fails, for small n and large.
TEST_P(ReclaimBytes, SurviveFailingAllocations) {
  for (const unsigned n : {2U, 3U, 7U, 50U}) {
    Play play({GetParam(), "64K", n, 0, n});
    play.run(8000);
  }
}

// Some of both, for longer: the deferred-split queue once took a page of zeroes out of the
// hands of a copy that was waiting for memory.
TEST_P(ReclaimBytes, SurviveFailuresForLong) {
  for (const std::uint64_t seed : {20U, 21U, 25U}) {
    Play play({GetParam(), "64K", seed % 2 != 0 ? 9U : 0U, seed % 3 != 0 ? 4U : 0U, seed});
    play.run(25000);
  }
}

// A device that does not take every folio: what it refuses stays in memory.
TEST_P(ReclaimBytes, SurviveADeviceThatRefuses) {
  for (const unsigned n : {1U, 2U, 5U}) {
    Play play({GetParam(), "64K", 0, n, n});
    play.run(8000);
  }
}

}  // namespace
}  // namespace quire
