// reclaim/vm_users.h - the page tables and the swap of a machine, as lists of folios see
// them.
//
// Mirrors: folio_referenced, lru_gen_look_around, walk_mm of mm/rmap.c and mm/vmscan.c,
// Linux 6.18.
#pragma once

#include <functional>

#include "reclaim/folio_users.h"
#include "reclaim/mem_cgroup.h"
#include "vm/address_space.h"

namespace quire::reclaim {

// Calls what it is given for each address space, in the order they were made.
using EachSpace = std::function<void(const std::function<void(vm::AddressSpace&)>&)>;

class VmUsers final : public FolioUsers {
 public:
  VmUsers(vm::System& system, EachSpace each_space, const MemCgroups& groups)
      : system_(system), each_space_(std::move(each_space)), groups_(groups) {}

  std::uint32_t referenced(Pfn head, folio::GroupId by) override;
  std::uint32_t referenced_and_nearby(Pfn head, folio::GroupId by, UsedFn nearby) override;
  std::uint64_t walk_tables(folio::GroupId group, UsedFn used) override;
  Shrunk shrink(const std::vector<Pfn>& folios, absl::FunctionRef<Reference(Pfn)> references) override;
  [[nodiscard]] PageCount free_swap() const override;
  [[nodiscard]] PageCount total_swap() const override;

  [[nodiscard]] const EachSpace& each_space() const { return each_space_; }

 private:
  [[nodiscard]] bool is_busy(Pfn head) const;
  // Whether the use of a mapping is one (invalid_folio_referenced_vma).
  [[nodiscard]] bool counts(const vm::Vma& vma, folio::GroupId by) const;
  // Asks about each folio that entries of one table show used; returns the entries.
  std::uint64_t look_at_table(vm::AddressSpace& mm, arch::Entry pmd, VirtRange range, UsedFn used);

  vm::System& system_;
  EachSpace each_space_;
  const MemCgroups& groups_;
};

}  // namespace quire::reclaim
