// What folios tell whoever keeps the lists.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "folio/folios.h"

namespace quire::folio {
namespace {

// Writes down what it is told.
class Listener final : public LruPort {
 public:
  void added(Pfn head) override { said.push_back(fmt::format("added {}", head.raw())); }
  void freed(Pfn head, Order order) override {
    said.push_back(fmt::format("freed {} of order {}", head.raw(), order.raw()));
  }
  void split(Pfn head, std::span<const Order> pieces) override {
    said.push_back(fmt::format("split {} into {}", head.raw(), pieces.size()));
  }
  void mlock_changed(Pfn head) override { said.push_back(fmt::format("mlock {}", head.raw())); }
  std::vector<std::string> said;
};

struct Machine {
  Machine() : folios(memory, counters) { folios.keep_lists(&listener); }
  Pfn map(Order order) {
    const Pfn head = *folios.allocate(order);
    folios.get(head, static_cast<std::uint32_t>(order.pages().raw()) - 1);
    folios.add_new_anon_rmap(head, {1, 0}, MmId(1), MappedBy::kPtes);
    return head;
  }
  void unmap(Pfn head) {
    const auto n = static_cast<std::uint32_t>(folios.order_of(head).pages().raw());
    folios.remove_rmap_ptes(head, n, MmId(1));
    folios.put(head, n);
  }
  Listener listener;
  phys::PhysMemory memory = *phys::PhysMemory::create({.ram = 8_MiB});
  stats::Counters counters;
  Folios folios;
};

// A folio is told of when it is first mapped, not when it is made, and when its
// last reference goes.
TEST(LruPort, HearsOfTheFirstMapAndOfTheEnd) {
  Machine m;
  const Pfn never_mapped = *m.folios.allocate(Order(2));
  EXPECT_TRUE(m.listener.said.empty());
  m.folios.put(never_mapped);
  EXPECT_EQ(m.listener.said, std::vector{fmt::format("freed {} of order 2", never_mapped.raw())});
  m.listener.said.clear();
  const Pfn head = m.map(Order(4));
  m.unmap(head);
  EXPECT_EQ(m.listener.said, (std::vector{fmt::format("added {}", head.raw()),
                                          fmt::format("freed {} of order 4", head.raw())}));
}

// The pieces of a split are there when it is told of.
TEST(LruPort, HearsOfASplit) {
  Machine m;
  const Pfn head = m.map(Order(2));
  m.folios.get(head);
  m.unmap(head);
  m.listener.said.clear();
  m.folios.split_into(head, std::array{kOrder0, kOrder0, kOrder0, kOrder0});
  EXPECT_EQ(m.listener.said, std::vector{fmt::format("split {} into 4", head.raw())});
  for (std::uint64_t i = 0; i < 4; ++i) m.folios.put(head + PageCount(i));
}

// Each lock is told of, and the unlock that counts.
TEST(LruPort, HearsOfLocks) {
  Machine m;
  const Pfn head = m.map(kOrder0);
  m.listener.said.clear();
  m.folios.mlock(head);
  m.folios.mlock(head);
  m.folios.munlock(head);
  EXPECT_EQ(m.listener.said.size(), 2U);
  m.folios.munlock(head);
  EXPECT_EQ(m.listener.said.size(), 3U);
  m.unmap(head);
}

}  // namespace
}  // namespace quire::folio
