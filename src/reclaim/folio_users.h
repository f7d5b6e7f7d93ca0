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

// Hears of a folio that is in use. False: it is none of the listener's business, and its
// accessed bits stay.
using UsedFn = absl::FunctionRef<bool(Pfn)>;

class FolioUsers {
 public:
  virtual ~FolioUsers() = default;
  // How many mappings have used the folio since last asked, which marks them unused: one walk
  // of the reverse map. Only the uses of programs of the group `by` and below it count, and none
  // of mappings that are read in order or at random (MADV_SEQUENTIAL, MADV_RANDOM).
  virtual std::uint32_t referenced(Pfn head, folio::GroupId by) = 0;
  // The same; where it was used, `nearby` hears of the folios in use round about in the same
  // table, which are marked unused as well.
  virtual std::uint32_t referenced_and_nearby(Pfn head, folio::GroupId by, UsedFn nearby) = 0;
  // Walks the page tables of every address space of the group; `used` hears of each folio
  // that some entry showed used, which is marked unused. Returns the entries looked at.
  virtual std::uint64_t walk_tables(folio::GroupId group, UsedFn used) = 0;
  // Reclaims the folios, on each of which the caller holds a reference; asks for each what
  // its use says.
  virtual Shrunk shrink(const std::vector<Pfn>& folios, absl::FunctionRef<Reference(Pfn)> references) = 0;
  // Where anonymous pages can go (get_nr_swap_pages), and all there is of it (total_swap_pages).
  [[nodiscard]] virtual PageCount free_swap() const = 0;
  [[nodiscard]] virtual PageCount total_swap() const = 0;
  [[nodiscard]] bool can_swap() const { return free_swap().raw() != 0; }
};

}  // namespace quire::reclaim
