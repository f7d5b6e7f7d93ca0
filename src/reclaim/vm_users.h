// reclaim/vm_users.h - the page tables and the swap of a machine, as lists of folios see
// them.
//
// Mirrors: folio_referenced, lru_gen_look_around, walk_mm of mm/rmap.c and mm/vmscan.c,
// Linux 6.18.
#pragma once

#include <functional>

#include "reclaim/folio_users.h"
#include "vm/address_space.h"

namespace quire::reclaim {

// Calls what it is given for each address space, in the order they were made.
using EachSpace = std::function<void(const std::function<void(vm::AddressSpace&)>&)>;

class VmUsers final : public FolioUsers {
 public:
  VmUsers(vm::System& system, EachSpace each_space) : system_(system), each_space_(std::move(each_space)) {}

  std::uint32_t referenced(Pfn head) override;
  std::uint32_t referenced_and_nearby(Pfn head, UsedFn nearby) override;
  std::uint64_t walk_tables(folio::GroupId group, UsedFn used) override;
  Shrunk shrink(const std::vector<Pfn>& folios, absl::FunctionRef<Reference(Pfn)> references) override;
  [[nodiscard]] bool can_swap(folio::GroupId group) const override;

  [[nodiscard]] const EachSpace& each_space() const { return each_space_; }

 private:
  [[nodiscard]] bool is_busy(Pfn head) const;
  // Asks about each folio that entries of one table show used; returns the entries.
  std::uint64_t look_at_table(vm::AddressSpace& mm, arch::Entry pmd, VirtRange range, UsedFn used);

  vm::System& system_;
  EachSpace each_space_;
};

}  // namespace quire::reclaim
