// reclaim/folio_users.h - what reclaim asks of those who map folios.
//
// Lists of folios know nothing of page tables and swap: they ask through this.
// vm_users.h answers for a machine, a model answers in tests.
#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <vector>

#include "folio/lru.h"
#include "quire/types.h"

namespace quire::reclaim {

// What a folio's recent use says of it (the kernel's enum folio_references).
enum class Reference : std::uint8_t { kReclaim, kKeep, kActivate };

// What came of a list of folios. Each in it has the caller's reference still.
struct Shrunk {
  std::uint64_t reclaimed = 0;  // pages freed
  std::vector<Pfn> keep;        // stay where they were
  std::vector<Pfn> activate;    // are in use, or cannot go
};

using FolioFn = absl::FunctionRef<void(Pfn)>;

class FolioUsers {
 public:
  virtual ~FolioUsers() = default;
  // How many mappings have used the folio since last asked, which marks them unused: one
  // walk of the reverse map. `nearby` hears of folios that the same tables showed used
  // round about, which are marked unused as well; an empty function is not asked.
  virtual std::uint32_t referenced(Pfn head) = 0;
  virtual std::uint32_t referenced_and_nearby(Pfn head, FolioFn nearby) = 0;
  // Walks the page tables of every address space of the group; `used` hears of each folio
  // that some entry showed used, which is marked unused. Returns the entries looked at.
  virtual std::uint64_t walk_tables(folio::GroupId group, FolioFn used) = 0;
  // Reclaims the folios, on each of which the caller holds a reference; asks for each what
  // its use says.
  virtual Shrunk shrink(const std::vector<Pfn>& folios, absl::FunctionRef<Reference(Pfn)> references) = 0;
  // Whether anonymous pages of the group can go anywhere (get_nr_swap_pages).
  [[nodiscard]] virtual bool can_swap(folio::GroupId group) const = 0;
};

}  // namespace quire::reclaim
