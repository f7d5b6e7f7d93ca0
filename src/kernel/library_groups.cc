// Groups with limits, and the end of memory, in the public library.
#include "kernel/library_state.h"
#include "quire/kernel.h"

namespace quire {
namespace {

// Null: the machine has no groups, or not this one. The root is nobody's to limit.
reclaim::Reclaimer* reclaimer_with(kernel::Kernel& kernel, unsigned group) {
  reclaim::Reclaimer* const reclaimer = kernel.reclaimer();
  if (reclaimer == nullptr || group == folio::kRootGroup.raw() || group >= reclaimer->groups().count())
    return nullptr;
  return reclaimer;
}

folio::GroupId id_of(unsigned group) { return folio::GroupId(static_cast<std::uint16_t>(group)); }

PageCount pages_of(std::optional<ByteCount> max) {
  return max ? PageCount(max->raw() / kPageSize) : reclaim::kNoLimit;
}

}  // namespace

std::uint32_t Kernel::State::pid_of(folio::MmId mm) const {
  const auto found = pid_of_mm.find(mm.raw());
  return found == pid_of_mm.end() ? 0 : found->second;
}

Result<void, Errno> Process::enter_group(unsigned group) {
  if (reclaimer_with(*kernel_.state_->kernel, group) == nullptr) return fail(Errno::kNoEnt);
  state_->mm->group = id_of(group);
  return {};
}

bool Process::oom_killed() const { return state_->mm->oom_killed; }

Result<unsigned, Errno> Kernel::make_group(std::optional<ByteCount> max) {
  reclaim::Reclaimer* const reclaimer = state_->kernel->reclaimer();
  if (reclaimer == nullptr) return fail(Errno::kOpNotSupp);
  const folio::GroupId id = reclaimer->groups().create("group");
  reclaimer->set_max(id, pages_of(max));
  return id.raw();
}

Result<void, Errno> Kernel::set_limit(unsigned group, std::optional<ByteCount> max) {
  reclaim::Reclaimer* const reclaimer = reclaimer_with(*state_->kernel, group);
  if (reclaimer == nullptr) return fail(Errno::kNoEnt);
  reclaim::MemCgroup& limited = reclaimer->groups().at(id_of(group));
  const PageCount before = limited.max;
  reclaimer->set_max(id_of(group), pages_of(max));
  if (limited.current <= limited.max) return {};
  limited.max = before;
  return fail(Errno::kBusy);
}

std::optional<GroupUse> Kernel::group_use(unsigned group) const {
  const reclaim::Reclaimer* const reclaimer = reclaimer_with(*state_->kernel, group);
  if (reclaimer == nullptr) return std::nullopt;
  const reclaim::MemCgroup& found = reclaimer->groups().at(id_of(group));
  GroupUse use{.current = found.current,
               .peak = found.peak,
               .max = found.max,
               .max_events = found.events.max,
               .oom_events = found.events.oom,
               .oom_kills = found.events.oom_kill};
  if (found.max == reclaim::kNoLimit) use.max.reset();
  return use;
}

std::vector<OomKill> Kernel::oom_kills() const {
  std::vector<OomKill> kills;
  for (const vm::OomKill& kill : state_->kernel->system().oom_kills) {
    OomKill& out = kills.emplace_back(OomKill{.victim = state_->pid_of(kill.victim),
                                              .asked_by = state_->pid_of(kill.asked_by),
                                              .group = kill.group.raw(),
                                              .order = kill.order,
                                              .points = kill.points,
                                              .oom_score_adj = kill.oom_score_adj,
                                              .anon = kill.anon,
                                              .file = kill.file,
                                              .swap = kill.swap,
                                              .tables = kill.tables});
    if (kill.group == folio::kRootGroup) out.group.reset();
  }
  return kills;
}

}  // namespace quire
