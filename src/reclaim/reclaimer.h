// reclaim/reclaimer.h - takes memory back: kswapd, direct reclaim, groups at their limits.
//
// Mirrors: balance_pgdat, try_to_free_pages, try_to_free_mem_cgroup_pages, shrink_node of
// mm/vmscan.c, do_shrink_slab of mm/shrinker.c, try_charge_memcg of mm/memcontrol.c, Linux
// 6.18. Differs: kswapd is no thread: once woken it does all its work before the next
// fault; nobody is throttled; only anonymous memory is taken back (file pages have no
// reverse map here).
#pragma once

#include <memory>

#include "reclaim/folio_lists.h"
#include "reclaim/mem_cgroup.h"
#include "reclaim/oom.h"
#include "reclaim/options.h"
#include "reclaim/shadows.h"
#include "reclaim/swap_groups.h"
#include "reclaim/vm_users.h"
#include "vm/system.h"

namespace quire::reclaim {

// All of a machine's reclaim behind the ports of the layers below.
//
// States      : idle -> (an allocation meets a mark) kswapd woken -> runs before the next fault -> idle
//               reclaiming: allocations made meanwhile take what is kept for them
// Owns        : lists, groups, what is remembered of folios in swap
// Refers to   : the system, which must outlive it and have no folio before it
// Locks       : one thread drives a machine
// Invariants  : those of lists and groups
class Reclaimer final : public folio::LruPort, public phys::ReclaimPort, public vm::ReclaimPort {
 public:
  Reclaimer(vm::System& system, EachSpace each_space, const Options& options);
  ~Reclaimer() override;
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  [[nodiscard]] const Options& options() const { return options_; }
  void set_swappiness(std::uint32_t swappiness) { options_.swappiness = swappiness; }

  // Groups. A limit lowered below what is there takes the difference back, as far as it goes.
  [[nodiscard]] MemCgroups& groups() { return groups_; }
  [[nodiscard]] const MemCgroups& groups() const { return groups_; }
  void set_max(folio::GroupId group, PageCount max);
  void set_high(folio::GroupId group, PageCount high);
  // memory.reclaim, and of the root the whole machine: pages that were freed.
  std::uint64_t reclaim(folio::GroupId group, PageCount pages);
  // kswapd, now, if it was woken.
  void run_kswapd();

  [[nodiscard]] FolioLists& lists() { return *lists_; }
  [[nodiscard]] const folio::LruTable& table() const { return table_; }

  // folio::LruPort
  void added(Pfn head) override;
  void freed(Pfn head, Order order) override;
  void split(Pfn head, std::span<const Order> pieces) override;
  void mlock_changed(Pfn head) override;
  // phys::ReclaimPort
  [[nodiscard]] bool reclaiming() const override { return reclaiming_; }
  void wake_kswapd(Order order) override;
  std::uint64_t direct_reclaim(Order order, phys::MigrateType type) override;
  [[nodiscard]] PageCount reclaimable() const override;
  bool out_of_memory(Order order) override;
  // vm::ReclaimPort
  bool charge(folio::GroupId group, Pfn head, phys::Effort effort) override;
  [[nodiscard]] folio::GroupId group_of(SwapEntry entry) const override { return swap_groups_.of(entry); }
  void before_fault(vm::AddressSpace& mm) override;
  void evicted(Pfn head, SwapEntry first) override;
  void refaulted(Pfn head, SwapEntry first) override;
  void deactivate(Pfn head) override;
  void lazyfree(Pfn head) override;
  void isolate(Pfn head) override;
  void put_back(Pfn head, bool activate) override;

  void check_invariants(base::InvariantReport& out) const;

 private:
  class Working;

  // Slab: what a shrinker was told to look at and has not yet.
  using Deferred = std::uint64_t;

  void try_to_free_pages(ScanControl& sc);
  void shrink_node(ScanControl& sc);
  void shrink_groups(ScanControl& sc);
  // From this group on, in order. False: none of them is the target's.
  bool shrink_groups_from(std::uint16_t first, ScanControl& sc);
  void shrink_slabs(folio::GroupId group, const ScanControl& sc);
  void shrink_queue(folio::GroupId group, const ScanControl& sc);
  void shrink_zswap(const ScanControl& sc);
  void shrink_pools(const ScanControl& sc);
  void look_at_zones(ScanControl& sc) const;
  [[nodiscard]] bool should_continue(const ScanControl& sc, std::uint64_t reclaimed) const;
  void balance(Order order);
  void fill_pool();
  bool make_room(folio::GroupId over, Order order, phys::Effort effort, unsigned& retries);
  bool group_out_of_memory(folio::GroupId group, Order order);

  vm::System& system_;
  Options options_;
  folio::LruTable table_;
  MemCgroups groups_;
  VmUsers users_;
  std::unique_ptr<FolioLists> lists_;
  Shadows shadows_;
  SwapGroups swap_groups_;
  std::optional<Order> kswapd_woken_;
  unsigned kswapd_failures_ = 0;
  std::vector<Deferred> queue_deferred_;  // of the deferred-split queues, by group
  Deferred zswap_deferred_ = 0;
  Deferred pools_deferred_ = 0;
  folio::GroupId target_;  // of the call for memory that is going on; else the root
  bool reclaiming_ = false;
};

// The lists of this kind.
[[nodiscard]] std::unique_ptr<FolioLists> make_lists(const ListContext& context, const Options& options);

}  // namespace quire::reclaim
