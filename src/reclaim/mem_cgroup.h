// reclaim/mem_cgroup.h - groups of processes with limits on memory.
//
// Mirrors: struct mem_cgroup, page_counter and memory.events of mm/memcontrol.c, Linux
// 6.18, cgroup v2. Differs: charges are exact (the kernel charges 64 pages at once and
// keeps what is left on each cpu); only folios count, no page tables and no kernel memory;
// no memory.min and memory.low.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/report.h"
#include "folio/lru.h"
#include "quire/types.h"

namespace quire::reclaim {

inline constexpr PageCount kNoLimit{std::numeric_limits<std::uint64_t>::max()};

// One group. The names are those of its files.
struct MemCgroup {
  struct Events {
    std::uint64_t high = 0;      // brought back below memory.high
    std::uint64_t max = 0;       // was about to go over memory.max
    std::uint64_t oom = 0;       // nothing was left to take
    std::uint64_t oom_kill = 0;  // processes of it that were ended
    bool operator==(const Events&) const = default;
  };

  std::string name;
  std::optional<folio::GroupId> parent;  // none: the root
  PageCount current;
  PageCount peak;
  PageCount max = kNoLimit;
  PageCount high = kNoLimit;
  Events events;
  // Where the next walk over it and those below begins, if that may stop early (mem_cgroup_iter).
  std::uint16_t walk_from = 0;
};

// The tree of groups, by number. A group is never removed: its number may stand in folios.
//
// Owns        : the groups
// Invariants  : I-MEMCG-1 a group's current = the pages of folios charged to it or below it
class MemCgroups {
 public:
  MemCgroups();

  folio::GroupId create(std::string name, folio::GroupId parent = folio::kRootGroup);
  [[nodiscard]] MemCgroup& at(folio::GroupId id) { return groups_[id.raw()]; }
  [[nodiscard]] const MemCgroup& at(folio::GroupId id) const { return groups_[id.raw()]; }
  [[nodiscard]] std::uint16_t count() const { return static_cast<std::uint16_t>(groups_.size()); }
  // Whether `id` is `ancestor` or below it.
  [[nodiscard]] bool is_below(folio::GroupId id, folio::GroupId ancestor) const;

  // Calls fn(GroupId) for the group and each above it.
  template <typename Fn>
  void upwards(folio::GroupId id, Fn fn) const {
    for (std::optional<folio::GroupId> g = id; g; g = at(*g).parent) fn(*g);
  }

  // Counts pages against the group and those above it, if no limit is in the way; else
  // the group whose limit it is.
  [[nodiscard]] std::optional<folio::GroupId> try_charge(folio::GroupId id, PageCount pages);
  void uncharge(folio::GroupId id, PageCount pages);
  // The first group from here upwards that is above its high mark.
  [[nodiscard]] std::optional<folio::GroupId> over_high(folio::GroupId id) const;

 private:
  std::vector<MemCgroup> groups_;
};

}  // namespace quire::reclaim
