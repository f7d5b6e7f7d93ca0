#include "reclaim/oom.h"

#include <algorithm>

#include "vm/zap.h"

namespace quire::reclaim {
namespace {

constexpr int kNever = -1000;  // OOM_SCORE_ADJ_MIN

struct Victim {
  vm::AddressSpace* mm = nullptr;
  std::int64_t points = 0;
};

// The highest score; of equal ones the one that came last.
Victim select(const EachSpace& spaces, const MemCgroups& groups, const OutOfMemory& oom) {
  Victim worst;
  spaces([&](vm::AddressSpace& mm) {
    if (mm.oom_killed || !groups.is_below(mm.group, oom.group)) return;
    const auto points = oom_badness(mm, oom.limit);
    if (points && (worst.mm == nullptr || *points >= worst.points)) worst = {&mm, *points};
  });
  return worst;
}

// What is the process's alone goes; what it shares with others stays theirs.
void reap(vm::AddressSpace& mm) {
  for (vm::Vma& vma : mm.mappings()) {
    if (vma.flags.has(vm::VmFlag::kPfnMap)) continue;
    if (vma.is_anonymous() || !vma.is_shared())
      vm::zap_range(mm, vma, vma.range, vm::Tables::kKeep, vm::Markers::kKeep);
  }
}

}  // namespace

std::optional<std::int64_t> oom_badness(const vm::AddressSpace& mm, PageCount total) {
  if (mm.oom_score_adj <= kNever) return std::nullopt;
  const PageCount held = mm.rss().total() + mm.rss().swap() + mm.tables().table_pages();
  return static_cast<std::int64_t>(held.raw()) +
         std::int64_t{mm.oom_score_adj} * (static_cast<std::int64_t>(total.raw()) / 1000);
}

bool out_of_memory(vm::System& system, const EachSpace& spaces, MemCgroups& groups, const OutOfMemory& oom) {
  if (system.current == nullptr) return false;  // nobody who could be told
  if (system.current->oom_killed) return false;
  const Victim victim = select(spaces, groups, oom);
  if (victim.mm == nullptr) return false;
  vm::AddressSpace& mm = *victim.mm;
  system.oom_kills.push_back({.victim = mm.id(),
                              .asked_by = system.current->id(),
                              .group = oom.group,
                              .order = oom.order,
                              .points = static_cast<std::uint64_t>(std::max<std::int64_t>(victim.points, 0)),
                              .oom_score_adj = mm.oom_score_adj,
                              .anon = mm.rss().anon(),
                              .file = mm.rss().file(),
                              .swap = mm.rss().swap(),
                              .tables = mm.tables().table_pages()});
  system.counters.add(stats::VmEvent::oom_kill);
  ++groups.at(mm.group).events.oom_kill;
  mm.oom_killed = true;
  if (&mm == system.current) return false;  // its own fault tells it
  reap(mm);
  return true;
}

}  // namespace quire::reclaim
