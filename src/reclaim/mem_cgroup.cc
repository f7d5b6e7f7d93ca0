#include "reclaim/mem_cgroup.h"

#include <algorithm>

#include "base/check.h"

namespace quire::reclaim {

using folio::GroupId;

MemCgroups::MemCgroups() {
  groups_.emplace_back();
  groups_.back().name = "/";
}

GroupId MemCgroups::create(std::string name, GroupId parent) {
  QUIRE_CHECK(groups_.size() < std::numeric_limits<std::uint16_t>::max() && parent.raw() < groups_.size());
  MemCgroup group;
  group.name = std::move(name);
  group.parent = parent;
  groups_.push_back(std::move(group));
  return GroupId(static_cast<std::uint16_t>(groups_.size() - 1));
}

bool MemCgroups::is_below(GroupId id, GroupId ancestor) const {
  if (ancestor == folio::kRootGroup) return true;
  for (std::optional<GroupId> g = id; g; g = at(*g).parent)
    if (*g == ancestor) return true;
  return false;
}

std::optional<GroupId> MemCgroups::try_charge(GroupId id, PageCount pages) {
  for (std::optional<GroupId> g = id; g; g = at(*g).parent) {
    const MemCgroup& group = at(*g);
    if (group.max != kNoLimit && group.current + pages > group.max) return g;
  }
  for (std::optional<GroupId> g = id; g; g = at(*g).parent) {
    MemCgroup& group = at(*g);
    group.current += pages;
    group.peak = std::max(group.peak, group.current);
  }
  return std::nullopt;
}

void MemCgroups::uncharge(GroupId id, PageCount pages) {
  for (std::optional<GroupId> g = id; g; g = at(*g).parent) {
    QUIRE_DCHECK(at(*g).current >= pages);
    at(*g).current -= pages;
  }
}

std::optional<GroupId> MemCgroups::over_high(GroupId id) const {
  for (std::optional<GroupId> g = id; g; g = at(*g).parent)
    if (at(*g).current > at(*g).high) return g;
  return std::nullopt;
}

}  // namespace quire::reclaim
