// Two ways to count the same maps: whatever address spaces do to a 64 KiB
// folio, every question that is asked of the counts has the same answer.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "folio/folios.h"

namespace quire::folio {
namespace {

constexpr std::size_t kSpaces = 4;
constexpr std::uint32_t kPages = EntireMaps::kPages;

// One folio under one scheme.
struct Scheme {
  explicit Scheme(bool entire) : folios(memory, counters) {
    if (entire) folios.count_entire_maps();
    head = *folios.allocate(Order(4));
    folios.get(head, kPages - 1);
    folios.add_new_anon_rmap(head, {1, 0}, MmId(1), MappedBy::kPtes);
  }
  phys::PhysMemory memory = *phys::PhysMemory::create({.ram = 8_MiB});
  stats::Counters counters;
  Folios folios;
  Pfn head;
};

// Which pages each address space maps; the truth.
struct Model {
  std::array<std::array<bool, kPages>, kSpaces> maps{};
  [[nodiscard]] std::uint32_t count(std::uint32_t page) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(maps, [=](const auto& mm) { return mm[page]; }));
  }
  [[nodiscard]] bool any() const {
    return std::ranges::any_of(maps, [](const auto& mm) { return std::ranges::find(mm, true) != mm.end(); });
  }
};

struct Both {
  Scheme pages{false}, entire{true};
  Model model;

  Both() { model.maps[0].fill(true); }

  void fork(std::size_t parent, std::size_t child) {
    if (std::ranges::find(model.maps[child], true) != model.maps[child].end()) return;
    for_each_run(parent, 0, kPages, [&](Scheme& s, std::uint32_t first, std::uint32_t n) {
      s.folios.get(s.head, n);
      s.folios.dup_anon_rmap_ptes(s.head + PageCount(first), n, MmId(static_cast<std::uint32_t>(child + 1)));
    });
    model.maps[child] = model.maps[parent];
  }

  // False when that was the last map: the folio is gone.
  bool unmap(std::size_t mm, std::uint32_t begin, std::uint32_t end) {
    Model after = model;
    std::fill(after.maps[mm].begin() + begin, after.maps[mm].begin() + end, false);
    for_each_run(mm, begin, end, [&](Scheme& s, std::uint32_t first, std::uint32_t n) {
      s.folios.remove_rmap_ptes(s.head + PageCount(first), n, MmId(static_cast<std::uint32_t>(mm + 1)));
      s.folios.put(s.head, n);
    });
    model = after;
    return model.any();
  }

  void compare() {
    for (std::uint32_t i = 0; i < kPages; ++i) {
      for (Scheme* s : {&pages, &entire})
        RC_ASSERT(s->folios.page_mapcount(s->head + PageCount(i)) == model.count(i));
    }
    RC_ASSERT(pages.folios.mapcount(pages.head) == entire.folios.mapcount(entire.head));
    RC_ASSERT(pages.folios.maybe_mapped_shared(pages.head) == entire.folios.maybe_mapped_shared(entire.head));
    RC_ASSERT(pages.folios.large(pages.head).partially_mapped ==
              entire.folios.large(entire.head).partially_mapped);
  }

  void check_sound() {
    base::InvariantReport report;
    for (Scheme* s : {&pages, &entire}) s->folios.check_invariants(report);
    RC_ASSERT(report.ok());
    for (unsigned stat = 0; stat < stats::kMthpStats; ++stat) {
      const auto which = static_cast<stats::MthpStat>(stat);
      RC_ASSERT(pages.counters.get(which, Order(4)) == entire.counters.get(which, Order(4)));
    }
  }

 private:
  template <typename Fn>
  void for_each_run(std::size_t mm, std::uint32_t begin, std::uint32_t end, Fn fn) {
    for (std::uint32_t i = begin; i < end;) {
      std::uint32_t n = 0;
      while (i + n < end && model.maps[mm][i + n]) ++n;
      if (n != 0)
        for (Scheme* s : {&pages, &entire}) fn(*s, i, n);
      i += std::max(n, 1U);
    }
  }
};

RC_GTEST_PROP(EntireMapsProp, AnswersAsTheDefaultScheme, ()) {
  Both both;
  const auto steps = *rc::gen::inRange(1, 40);
  for (int step = 0; step < steps; ++step) {
    const auto mm = *rc::gen::inRange<std::size_t>(0, kSpaces);
    if (*rc::gen::inRange(0, 3) == 0) {
      both.fork(mm, *rc::gen::inRange<std::size_t>(0, kSpaces));
    } else {
      const auto begin = *rc::gen::element(0U, 0U, 4U, 7U, 15U);
      const auto end = std::min(kPages, begin + *rc::gen::element(16U, 16U, 1U, 3U));
      if (!both.unmap(mm, begin, end)) return both.check_sound();
    }
    both.compare();
    both.check_sound();
  }
}

// The story of the vendor's code: two processes map a folio whole; one gives
// up a page: its other entries count by page, DoubleMap is set; with the last
// whole map it goes.
TEST(EntireMaps, DoubleMapComesAndGoes) {
  Scheme s(true);
  const MmId parent(1), child(2);
  s.folios.get(s.head, kPages);
  s.folios.dup_anon_rmap_ptes(s.head, kPages, child);
  EXPECT_EQ(s.folios.large(s.head).entire_mapcount, 2U);
  EXPECT_EQ(s.memory.frame(s.head).mapcount, 0U);
  s.folios.remove_rmap_ptes(s.head + PageCount(3), 1, child);
  s.folios.put(s.head);
  EXPECT_TRUE(s.folios.entire_maps()->double_map(s.head));
  EXPECT_EQ(s.counters.get(stats::VmEvent::cont_pte_double_map_count), 1U);
  EXPECT_EQ(s.folios.large(s.head).entire_mapcount, 1U);
  EXPECT_EQ(s.memory.frame(s.head).mapcount, 2U);
  EXPECT_EQ(s.folios.page_mapcount(s.head), 2U);
  EXPECT_EQ(s.folios.page_mapcount(s.head + PageCount(3)), 1U);
  EXPECT_FALSE(s.folios.large(s.head).partially_mapped);
  s.folios.remove_rmap_ptes(s.head, kPages, parent);
  s.folios.put(s.head, kPages);
  EXPECT_FALSE(s.folios.entire_maps()->double_map(s.head));
  EXPECT_EQ(s.memory.frame(s.head).mapcount, 1U);
  EXPECT_TRUE(s.folios.large(s.head).partially_mapped);
  base::InvariantReport report;
  s.folios.check_invariants(report);
  EXPECT_TRUE(report.ok());
}

// Alone, a partial unmap breaks the whole map up without DoubleMap.
TEST(EntireMaps, AloneThereIsNoDoubleMap) {
  Scheme s(true);
  s.folios.remove_rmap_ptes(s.head, 4, MmId(1));
  s.folios.put(s.head, 4);
  EXPECT_EQ(s.counters.get(stats::VmEvent::cont_pte_double_map_count), 0U);
  EXPECT_EQ(s.folios.large(s.head).entire_mapcount, 0U);
  EXPECT_EQ(s.folios.page_mapcount(s.head + PageCount(4)), 1U);
  EXPECT_EQ(s.folios.page_mapcount(s.head), 0U);
}

}  // namespace
}  // namespace quire::folio
