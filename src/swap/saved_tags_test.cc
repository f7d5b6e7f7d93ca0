#include "swap/saved_tags.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "base/rng.h"
#include "swap/swap_space.h"
#include "swap/testing_device.h"

namespace quire::swap {
namespace {

phys::PhysMemory machine() {
  return *phys::PhysMemory::create({.ram = 16_MiB, .tags = phys::MemoryTags::kMte});
}

// A folio in which each page that `has` says has tags of its own.
Pfn folio(phys::PhysMemory& memory, Order order, unsigned seed,
          const std::function<bool(std::uint64_t)>& has) {
  const Pfn head = *memory.allocate(order);
  for (std::uint64_t i = 0; i < order.pages().raw(); ++i) {
    const Pfn page = head + PageCount(i);
    if (!has(i)) continue;
    memory.tags()->tag(page, PageCount(1));
    for (std::uint64_t g = 0; g < kTagsPerPage; ++g)
      memory.tags()->set(page, g, MemoryTag(static_cast<unsigned>(seed + i * 3 + g)));
  }
  return head;
}

bool same_tags(const phys::PhysMemory& memory, Pfn page, unsigned seed, std::uint64_t i) {
  for (std::uint64_t g = 0; g < kTagsPerPage; ++g)
    if (memory.tags()->get(page, g) != MemoryTag(static_cast<unsigned>(seed + i * 3 + g))) return false;
  return true;
}

bool all(std::uint64_t) { return true; }

void expect_sound(const SavedTags& saved) {
  base::InvariantReport report;
  saved.check_invariants([](SwapEntry) { return true; }, report);
  EXPECT_TRUE(report.ok()) << report.text();
}

// Pages with tags take a part of a frame each, others nothing; each comes back as it was.
TEST(SavedTags, SavesPageByPage) {
  phys::PhysMemory memory = machine();
  SavedTags saved(memory);
  const Pfn out = folio(memory, Order(4), 1, [](std::uint64_t i) { return i % 3 != 0; });
  const SwapEntry first(0, 512);
  ASSERT_TRUE(saved.save(first, out, PageCount(16)));
  EXPECT_EQ(saved.pages(), PageCount(10));
  EXPECT_EQ(saved.frames(), PageCount(1));
  const Pfn in = *memory.allocate(Order(4));
  saved.restore(first, in, PageCount(16));
  for (std::uint64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(memory.tags()->tagged(in + PageCount(i)), i % 3 != 0) << i;
    if (i % 3 != 0) {
      EXPECT_TRUE(same_tags(memory, in + PageCount(i), 1, i)) << i;
    }
  }
  expect_sound(saved);
}

// A page that has tags keeps them: it was changed after it was saved.
TEST(SavedTags, RestoreLeavesTagsAlone) {
  phys::PhysMemory memory = machine();
  SavedTags saved(memory);
  const Pfn page = folio(memory, kOrder0, 5, all);
  ASSERT_TRUE(saved.save(SwapEntry(1, 7), page, PageCount(1)));
  memory.tags()->set(page, 0, MemoryTag(15));
  saved.restore(SwapEntry(1, 7), page, PageCount(1));
  EXPECT_EQ(memory.tags()->get(page, 0), MemoryTag(15));
}

// Saved again for the same slot, the new tags count and nothing is left of the old ones; devices
// do not share slots.
TEST(SavedTags, SavingAgainReplaces) {
  phys::PhysMemory memory = machine();
  SavedTags saved(memory);
  const Pfn a = folio(memory, kOrder0, 1, all), b = folio(memory, kOrder0, 2, all);
  ASSERT_TRUE(saved.save(SwapEntry(0, 7), a, PageCount(1)));
  ASSERT_TRUE(saved.save(SwapEntry(1, 7), a, PageCount(1)));
  ASSERT_TRUE(saved.save(SwapEntry(0, 7), b, PageCount(1)));
  EXPECT_EQ(saved.pages(), PageCount(2));
  const Pfn in = *memory.allocate(kOrder0), other = *memory.allocate(kOrder0);
  saved.restore(SwapEntry(0, 7), in, PageCount(1));
  saved.restore(SwapEntry(1, 7), other, PageCount(1));
  EXPECT_TRUE(same_tags(memory, in, 2, 0));
  EXPECT_TRUE(same_tags(memory, other, 1, 0));
  expect_sound(saved);
}

// Forgotten slots have nothing to restore, and their frames go back to the machine.
TEST(SavedTags, ForgettingGivesFramesBack) {
  phys::PhysMemory memory = machine();
  SavedTags saved(memory);
  const Pfn head = folio(memory, Order(7), 9, all);
  const PageCount before = memory.free_pages();
  ASSERT_TRUE(saved.save(SwapEntry(0, 512), head, PageCount(128)));
  EXPECT_EQ(saved.frames(), PageCount(4));
  EXPECT_EQ(before - memory.free_pages(), PageCount(4));
  saved.forget(SwapEntry(0, 512 + 10), PageCount(118));
  EXPECT_EQ(saved.frames(), PageCount(1));
  const Pfn in = *memory.allocate(kOrder0);
  saved.restore(SwapEntry(0, 600), in, PageCount(1));
  EXPECT_FALSE(memory.tags()->tagged(in));
  memory.free(in, kOrder0);
  saved.forget(SwapEntry(0, 0), PageCount(1024));
  EXPECT_EQ(memory.free_pages(), before);
  expect_sound(saved);
}

// Whichever frame it does not get, nothing of the folio is saved; what others saved stays.
TEST(SavedTags, AFolioIsSavedWhollyOrNotAtAll) {
  phys::PhysMemory memory = machine();
  SavedTags saved(memory);
  const Pfn small = folio(memory, Order(4), 3, all), huge = folio(memory, Order(9), 4, all);
  ASSERT_TRUE(saved.save(SwapEntry(0, 512), small, PageCount(16)));
  const PageCount before = memory.free_pages();
  unsigned failures = 0;
  for (unsigned fail_at = 1;; ++fail_at) {
    unsigned asked = 0;
    memory.set_failure_injector([&](Order) { return ++asked == fail_at; });
    const bool done = saved.save(SwapEntry(0, 1024), huge, PageCount(512));
    memory.set_failure_injector({});
    expect_sound(saved);
    if (done) break;
    ++failures;
    EXPECT_EQ(saved.pages(), PageCount(16));
    EXPECT_EQ(memory.free_pages(), before);
  }
  EXPECT_EQ(failures, 16U);  // half a frame was left
  EXPECT_EQ(saved.pages(), PageCount(16 + 512));
  const Pfn in = *memory.allocate(Order(4));
  saved.restore(SwapEntry(0, 512), in, PageCount(16));
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_TRUE(same_tags(memory, in + PageCount(i), 3, i));
}

// I-MTE-2: tags of a slot that nobody has are found.
TEST(SavedTags, TagsOfAFreeSlotAreFound) {
  phys::PhysMemory memory = machine();
  SavedTags saved(memory);
  ASSERT_TRUE(saved.save(SwapEntry(2, 9), folio(memory, kOrder0, 1, all), PageCount(1)));
  base::InvariantReport report;
  saved.check_invariants([](SwapEntry e) { return e != SwapEntry(2, 9); }, report);
  EXPECT_NE(report.text().find("I-MTE-2"), std::string::npos);
}

// A swap space on such a machine: tags are saved before the device is asked, also those of zeroes,
// and go with the slot, where slots are in a row and where they are not.
TEST(SwapSpaceWithTags, TagsLiveAsLongAsTheSlot) {
  for (const SlotPolicy slots : {SlotPolicy::kContiguous, SlotPolicy::kIndirection}) {
    phys::PhysMemory memory = machine();
    stats::Counters counters;
    SwapSpace swap(memory, counters);
    auto device = std::make_unique<testing::MapDevice>(PageCount(2048));
    testing::MapDevice& raw = *device;
    ASSERT_TRUE(swap.swapon(std::move(device), {.priority = std::nullopt, .slots = slots}));
    const Pfn head = folio(memory, Order(4), 6, all);
    std::memset(memory.bytes(head), 0, Order(4).bytes().raw());
    const SwapEntry first = *swap.add_to_swap(head, Order(4));
    swap.dup(first, PageCount(16));
    ASSERT_TRUE(swap.write(head));
    EXPECT_EQ(raw.writes, 0U);
    EXPECT_EQ(swap.tags_saved(), PageCount(16));
    EXPECT_EQ(swap.frames_used(), PageCount(1));
    swap.remove_from_cache(head);
    swap.put(first, PageCount(5));
    EXPECT_EQ(swap.tags_saved(), PageCount(11));
    const Pfn in = *memory.allocate(Order(4));
    swap.restore_tags(first, in, Order(4));
    for (std::uint64_t i = 0; i < 16; ++i) {
      EXPECT_EQ(memory.tags()->tagged(in + PageCount(i)), i >= 5);
      if (i >= 5) {
        EXPECT_TRUE(same_tags(memory, in + PageCount(i), 6, i));
      }
    }
    swap.put(first + PageCount(5), PageCount(11));
    EXPECT_EQ(swap.tags_saved(), PageCount());
    EXPECT_EQ(swap.frames_used(), PageCount());
    ASSERT_TRUE(swap.swapoff(0));
  }
}

// Without memory for its tags a folio is not written.
TEST(SwapSpaceWithTags, NothingIsWrittenWithoutItsTags) {
  phys::PhysMemory memory = machine();
  stats::Counters counters;
  SwapSpace swap(memory, counters);
  auto device = std::make_unique<testing::MapDevice>(PageCount(2048));
  testing::MapDevice& raw = *device;
  ASSERT_TRUE(swap.swapon(std::move(device)));
  const Pfn head = folio(memory, Order(4), 6, all);
  std::memset(memory.bytes(head), 1, Order(4).bytes().raw());
  const SwapEntry first = *swap.add_to_swap(head, Order(4));
  swap.dup(first, PageCount(16));
  memory.set_failure_injector([](Order) { return true; });
  EXPECT_EQ(swap.write(head).error(), IoError::kNoMemory);
  EXPECT_EQ(raw.writes, 0U);
  EXPECT_EQ(counters.get(stats::VmEvent::pswpout), 0U);
  EXPECT_EQ(swap.tags_saved(), PageCount());
  memory.set_failure_injector({});
  EXPECT_TRUE(swap.write(head));
  EXPECT_EQ(raw.writes, 1U);
  EXPECT_EQ(swap.tags_saved(), PageCount(16));
}

}  // namespace
}  // namespace quire::swap
