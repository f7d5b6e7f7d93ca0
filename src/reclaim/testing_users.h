// reclaim/testing_users.h - for tests only: folios without page tables.
//
// A folio is used when the test says so; reclaiming one that is not used frees it. The
// order in which folios went is kept.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "folio/folios.h"
#include "reclaim/folio_lists.h"
#include "reclaim/folio_users.h"

namespace quire::reclaim {

class TestUsers final : public FolioUsers {
 public:
  explicit TestUsers(folio::Folios& folios) : folios_(folios) {}

  std::uint32_t referenced(Pfn head, folio::GroupId /*by*/) override {
    ++walks;
    return used.erase(head.raw()) != 0 ? 1 : 0;
  }
  // What lies within eight folios is near.
  std::uint32_t referenced_and_nearby(Pfn head, folio::GroupId by, UsedFn nearby) override {
    const std::uint32_t n = referenced(head, by);
    if (n == 0) return 0;
    for (std::uint64_t p = head.raw() / 8 * 8; p < head.raw() / 8 * 8 + 8; ++p)
      if (used.contains(p) && nearby(Pfn(p))) used.erase(p);
    return n;
  }
  std::uint64_t walk_tables(folio::GroupId /*group*/, UsedFn fn) override {
    const std::set<std::uint64_t> all = used;
    for (const std::uint64_t p : all)
      if (fn(Pfn(p))) used.erase(p);
    return all.size();
  }
  Shrunk shrink(const std::vector<Pfn>& list, absl::FunctionRef<Reference(Pfn)> references) override {
    Shrunk out;
    for (const Pfn head : list) {
      const Reference said = references(head);
      if (said != Reference::kReclaim) {
        (said == Reference::kKeep ? out.keep : out.activate).push_back(head);
        continue;
      }
      const Order order = folios_.order_of(head);
      out.reclaimed += order.pages().raw();
      if (on_evict) on_evict(head);
      went.push_back(head.raw());
      const auto n = static_cast<std::uint32_t>(order.pages().raw());
      folios_.remove_rmap_ptes(head, n, folio::MmId(1));
      folios_.put(head, n);
      folios_.put(head);
    }
    return out;
  }
  [[nodiscard]] PageCount free_swap() const override { return swap; }
  [[nodiscard]] PageCount total_swap() const override { return swap; }

  void use(Pfn head) { used.insert(head.raw()); }

  std::set<std::uint64_t> used;
  std::vector<std::uint64_t> went;
  std::function<void(Pfn)> on_evict;
  std::uint64_t walks = 0;
  PageCount swap{1U << 20};

 private:
  folio::Folios& folios_;
};

// Folios on lists of one kind, mapped once by nobody in particular.
template <typename Lists>
struct ListMachine final : folio::LruPort {
  ListMachine()
      : folios(memory, counters), users(folios), lists({table, folios, memory, counters, users, groups}) {
    folios.keep_lists(this);
  }
  ~ListMachine() override { folios.keep_lists(nullptr); }

  Pfn map(Order order = kOrder0, folio::GroupId group = folio::kRootGroup) {
    const Pfn head = *folios.allocate(order);
    table.slot(head).group = group.raw();
    folios.get(head, static_cast<std::uint32_t>(order.pages().raw()) - 1);
    folios.add_new_anon_rmap(head, {1, 0}, folio::MmId(1), folio::MappedBy::kPtes);
    return head;
  }
  void unmap(Pfn head) {
    const auto n = static_cast<std::uint32_t>(folios.order_of(head).pages().raw());
    folios.remove_rmap_ptes(head, n, folio::MmId(1));
    folios.put(head, n);
  }
  // One call for memory, as hard as need be.
  std::uint64_t reclaim(std::uint64_t pages, folio::GroupId group = folio::kRootGroup,
                        Order order = kOrder0) {
    ScanControl sc{.target = group, .order = order, .nr_to_reclaim = pages};
    for (; sc.priority >= 0 && sc.nr_reclaimed < pages; --sc.priority) {
      lists.prepare(sc);
      lists.shrink(group, sc);
    }
    lists.tried(group);
    return sc.nr_reclaimed;
  }
  [[nodiscard]] std::string broken() const {
    base::InvariantReport report;
    lists.check_invariants(report);
    folios.check_invariants(report);
    return report.text();
  }

  void added(Pfn head) override {
    if (!table.on_list(head)) lists.add_new(head);
  }
  void freed(Pfn head, Order order) override {
    if (table.on_list(head)) lists.remove(head, order.pages());
    table.slot(head) = {};
  }
  void split(Pfn head, std::span<const Order> pieces) override { lists.split(head, pieces); }
  void mlock_changed(Pfn head) override {
    if (table.on_list(head)) lists.replace(head);
  }

  phys::PhysMemory memory = *phys::PhysMemory::create({.ram = 32_MiB, .contents = phys::Contents::kNone});
  stats::Counters counters;
  folio::LruTable table{memory.total()};
  folio::Folios folios;
  TestUsers users;
  MemCgroups groups;
  Lists lists;
};

}  // namespace quire::reclaim
