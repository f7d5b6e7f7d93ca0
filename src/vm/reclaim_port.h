// vm/reclaim_port.h - what address spaces say to whoever takes memory back, and what they
// are told when there is none.
#pragma once

#include <cstdint>

#include "folio/large_folio.h"
#include "folio/lru.h"
#include "phys/reclaim_port.h"
#include "quire/types.h"

namespace quire::vm {

class AddressSpace;

// A process that was ended because no memory could be found: who, for whom, and what it held.
struct OomKill {
  folio::MmId victim;
  folio::MmId asked_by;      // whose allocation found nothing
  folio::GroupId group;      // whose limit it was; the root: the machine had no memory left
  Order order;               // of that allocation
  std::uint64_t points = 0;  // by which it was chosen (oom_badness)
  int oom_score_adj = 0;
  PageCount anon, file, swap, tables;
};

// Reclaim lives above this folder and is wired in by the kernel. Null: this machine takes
// nothing back, has no groups, and kills nobody.
class ReclaimPort {
 public:
  virtual ~ReclaimPort() = default;
  // Counts a fresh folio against the group and those above it, taking memory from them where
  // a limit is in the way (mem_cgroup_charge). False: in vain.
  virtual bool charge(folio::GroupId group, Pfn head, phys::Effort effort) = 0;
  // The group that what lies in this slot was counted against, and is again when it comes
  // back, whoever brings it (lookup_swap_cgroup_id).
  [[nodiscard]] virtual folio::GroupId group_of(SwapEntry entry) const = 0;
  // A fault begins: kswapd runs, if it was woken; groups above their high mark shrink.
  virtual void before_fault(AddressSpace& mm) = 0;
  // The folio leaves the swap cache because its memory is taken (workingset_eviction), and
  // comes back into a fresh folio that is on no list yet (workingset_refault).
  virtual void evicted(Pfn head, SwapEntry first) = 0;
  virtual void refaulted(Pfn head, SwapEntry first) = 0;
  // MADV_COLD, MADV_FREE.
  virtual void deactivate(Pfn head) = 0;
  virtual void lazyfree(Pfn head) = 0;
  // MADV_PAGEOUT: off its list, and what was known of its use is forgotten. Where it could not
  // go it is put back, active if it is in use or cannot go (activate_locked).
  virtual void isolate(Pfn head) = 0;
  virtual void put_back(Pfn head, bool activate) = 0;
};

}  // namespace quire::vm
