// vm/swap_readahead.h - pages that are read from swap because their neighbours are.
//
// Mirrors: swap_vma_readahead, swap_vma_ra_win, __swapin_nr_pages and
// swap_update_readahead of mm/swap_state.c, Linux 6.18: the window follows the
// addresses of one mapping and grows with the hits in it. Differs: the readahead
// by slots for rotating disks (swap_cluster_readahead) is not there.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>

#include "quire/result.h"
#include "quire/types.h"
#include "swap/backend.h"

namespace quire::vm {

class AddressSpace;
struct System;
struct Vma;

// Reads entries of a mapping into the swap cache, page by page.
//
// Refers to   : the system
// Invariants  : I-RA-1 every marked folio is small and in the swap cache
class SwapReadahead {
 public:
  explicit SwapReadahead(System& system) : system_(system) {}

  // The most pages at once are 1 << cluster: /proc/sys/vm/page-cluster.
  void set_page_cluster(unsigned cluster) { page_cluster_ = cluster; }
  [[nodiscard]] unsigned page_cluster() const { return page_cluster_; }

  // The page of the entry at `addr`, in the swap cache, and around it what the
  // window of the mapping holds. Nothing: no frame was left for it.
  [[nodiscard]] Result<std::optional<Pfn>, swap::IoError> read(AddressSpace& mm, Vma& vma, VirtAddr addr);
  // A fault found its page in the cache: the window learns from it.
  void found(Vma& vma, VirtAddr addr, Pfn head);
  // The folio leaves the cache.
  void forget(Pfn head) { marked_.erase(head); }

  // One slot into the swap cache; what is there already is what is meant. Nothing:
  // no frame, or no entry names the slot any more.
  struct Read {
    Pfn page;
    bool fresh = false;
  };
  [[nodiscard]] Result<std::optional<Read>, swap::IoError> read_into_cache(SwapEntry entry);

 private:
  [[nodiscard]] VirtRange window(Vma& vma, VirtAddr addr) const;

  System& system_;
  unsigned page_cluster_ = 3;
  absl::flat_hash_set<Pfn> marked_;  // read ahead and not asked for since
};

}  // namespace quire::vm
