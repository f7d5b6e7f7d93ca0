#include "phys/memory.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace quire::phys {
namespace {

PhysMemory make(ByteCount ram, Contents contents = Contents::kNone) {
  auto m = PhysMemory::create({.ram = ram, .contents = contents});
  EXPECT_TRUE(m.has_value());
  return std::move(*m);
}

void expect_sound(const PhysMemory& m) {
  base::InvariantReport report;
  m.check_invariants(report);
  EXPECT_TRUE(report.ok()) << report.text();
}

// A machine smaller than one block is one block; a larger one is split into
// the kernel's zones.
TEST(PhysMemory, MakesTheZonesOfTheMachine) {
  EXPECT_EQ(make(1_KiB).total(), PageCount(1024));
  const PhysMemory m = make(8_GiB);
  ASSERT_EQ(m.zones().size(), 3U);
  EXPECT_EQ(m.zones()[0].name(), "DMA");
  EXPECT_EQ(m.zones()[0].size(), PageCount::covering(16_MiB));
  EXPECT_EQ(m.zones()[2].size(), PageCount::covering(4_GiB));
}

// Memory comes from the highest zone first and falls back downwards, to the last frame.
TEST(PhysMemory, FallsBackToLowerZonesUntilNothingIsLeft) {
  PhysMemory m = make(24_MiB);
  const Order block{kMaxOrder};
  EXPECT_GE(m.allocate(block)->raw(), 4096U);
  EXPECT_GE(m.allocate(block)->raw(), 4096U);
  for (int i = 0; i < 4; ++i) EXPECT_LT(m.allocate(block)->raw(), 4096U);
  EXPECT_FALSE(m.allocate(block).has_value());
  EXPECT_FALSE(m.allocate(kOrder0).has_value());
  EXPECT_EQ(m.free_pages(), PageCount(0));
}

// Splitting a block and giving all its parts back leaves one block again.
TEST(PhysMemory, MergesOnFree) {
  PhysMemory m = make(4_MiB);
  std::vector<Pfn> got;
  while (auto p = m.allocate(Order(1))) got.push_back(*p);
  EXPECT_EQ(got.size(), 512U);
  for (const Pfn p : got) m.free(p, Order(1));
  EXPECT_EQ(m.zones()[0].free_blocks(Order(kMaxOrder)), 1U);
  expect_sound(m);
}

// What the per-cpu list holds back does not keep a large block from forming.
TEST(PhysMemory, DrainsThePerCpuListBeforeALargeAllocationFails) {
  PhysMemory m = make(4_MiB);
  const Pfn p = *m.allocate(kOrder0);
  m.free(p, kOrder0);
  EXPECT_TRUE(m.allocate(Order(kMaxOrder)).has_value());
  expect_sound(m);
}

// A fresh machine hands frames out in ascending order, so that neighbours in a
// program are neighbours in memory.
TEST(PhysMemory, HandsOutAscendingFrames) {
  PhysMemory m = make(64_MiB);
  Pfn last = *m.allocate(kOrder0);
  for (int i = 0; i < 50; ++i) {
    const Pfn next = *m.allocate(kOrder0);
    EXPECT_EQ(next, last + PageCount(1));
    last = next;
  }
}

// Giving the same frame back twice is our mistake and stops the program.
TEST(PhysMemoryDeathTest, RefusesADoubleFree) {
  PhysMemory m = make(4_MiB);
  const Pfn p = *m.allocate(kOrder0);
  m.free(p, kOrder0);
  EXPECT_DEATH(m.free(p, kOrder0), "freed twice");
}

// The case where a neighbouring tool gave half its frames to two owners: half
// of a 1 GiB machine is taken, then one frame in each of 100,000 places is
// asked for under pressure, with blocks broken up and given back one frame at
// a time. Every frame must have one owner throughout.
TEST(PhysMemory, NeverHandsAFrameToTwoOwnersUnderPressure) {
  PhysMemory m = make(1_GiB);
  for (int i = 0; i < 128; ++i) ASSERT_TRUE(m.allocate(Order(kMaxOrder)).has_value());
  std::vector<bool> owned(m.total().raw());
  std::vector<Pfn> reservations;
  std::uint64_t handed_out = 0;
  std::uint64_t doubled = 0;
  const auto own = [&](Pfn p) {
    if (owned[p.raw()]) ++doubled;
    owned[p.raw()] = true;
    ++handed_out;
  };
  for (int touch = 0; touch < 100'000; ++touch) {
    if (auto huge = m.allocate(kOrderPmd)) {  // reserve 2 MiB for one touched page
      own(*huge);
      reservations.push_back(*huge);
      continue;
    }
    if (!reservations.empty()) {  // demote the oldest reservation: 511 frames go back one by one
      const Pfn first = reservations.front();
      reservations.erase(reservations.begin());
      for (std::uint64_t i = 1; i < 512; ++i) m.free(first + PageCount(i), kOrder0);
    }
    if (auto p = m.allocate(kOrder0)) own(*p);
  }
  EXPECT_EQ(doubled, 0U);
  EXPECT_GT(handed_out, 99'000U);
  expect_sound(m);
}

// Random allocations and frees of every order, against a map of who owns what.
TEST(PhysMemory, RandomOperationsKeepOneOwnerPerFrame) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    base::Rng rng(seed);
    PhysMemory m = make(32_MiB);
    std::map<std::uint64_t, unsigned> blocks;  // first frame -> order
    std::uint64_t used = 0;
    for (int step = 0; step < 4000; ++step) {
      if (rng.chance(55)) {
        const unsigned order = static_cast<unsigned>(rng.below(kMaxOrder + 1));
        const auto p = m.allocate(Order(order));
        if (!p) continue;
        const auto after = blocks.lower_bound(p->raw());
        if (after != blocks.end()) {
          ASSERT_GE(after->first, p->raw() + (1ULL << order));
        }
        if (after != blocks.begin()) {
          const auto before = std::prev(after);
          ASSERT_LE(before->first + (1ULL << before->second), p->raw());
        }
        blocks.emplace(p->raw(), order);
        used += 1ULL << order;
      } else if (!blocks.empty()) {
        auto it = std::next(blocks.begin(), static_cast<std::ptrdiff_t>(rng.below(blocks.size())));
        m.free(Pfn(it->first), Order(it->second));
        used -= 1ULL << it->second;
        blocks.erase(it);
      }
      ASSERT_EQ(m.free_pages().raw() + used, m.total().raw());
    }
    expect_sound(m);
    for (const auto& [first, order] : blocks) m.free(Pfn(first), Order(order));
    EXPECT_EQ(m.free_pages(), m.total());
    expect_sound(m);
  }
}

// A terabyte can be made and used at its ends on any host; only what was
// touched costs memory.
TEST(PhysMemory, ATerabyteCostsNothingUntilTouched) {
  PhysMemory m = make(ByteCount(1ULL << 40));
  EXPECT_EQ(m.total().raw(), 1ULL << 28);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(m.allocate(kOrderPmd).has_value());
  EXPECT_EQ(m.free_pages().raw(), (1ULL << 28) - 512'000);
}

// Bytes are kept or not, as asked, and zero and copy do what they say.
TEST(PhysMemory, ZeroesAndCopiesWhatItKeeps) {
  PhysMemory m = make(4_MiB, Contents::kKept);
  const Pfn a = *m.allocate(kOrder0);
  const Pfn b = *m.allocate(kOrder0);
  m.bytes(a)[17] = std::byte{42};
  m.copy(a, b);
  EXPECT_EQ(m.bytes(b)[17], std::byte{42});
  m.zero(b, kOrder0);
  EXPECT_EQ(m.bytes(b)[17], std::byte{0});
}

}  // namespace
}  // namespace quire::phys
