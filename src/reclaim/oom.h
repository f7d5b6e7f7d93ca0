// reclaim/oom.h - who has to end when no memory can be found.
//
// Mirrors: out_of_memory, oom_badness, select_bad_process, oom_reap_task of mm/oom_kill.c,
// Linux 6.18. Differs: the victim's memory is taken at once (the kernel's reaper does so
// soon); the process itself is ended by whoever runs it, who sees AddressSpace::oom_killed.
#pragma once

#include "reclaim/mem_cgroup.h"
#include "reclaim/vm_users.h"

namespace quire::reclaim {

// Nothing was left for `order`: of the machine, or of a group at its limit.
struct OutOfMemory {
  folio::GroupId group = folio::kRootGroup;
  Order order;
  PageCount limit;  // what there is in all: RAM and swap, or the group's maximum
};

// What a process scores: the pages it holds, in memory, in swap and in page tables, moved
// by its oom_score_adj. Nothing: it is not to be killed.
[[nodiscard]] std::optional<std::int64_t> oom_badness(const vm::AddressSpace& mm, PageCount total);

// Ends the worst process and takes its memory; keeps a record in System::oom_kills. True:
// it is worth trying again. False: the one who asks is the victim, or nobody can be ended.
[[nodiscard]] bool out_of_memory(vm::System& system, const EachSpace& spaces, MemCgroups& groups,
                                 const OutOfMemory& oom);

}  // namespace quire::reclaim
