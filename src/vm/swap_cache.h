// vm/swap_cache.h - folios that are in memory for slots of a swap device.
//
// Mirrors: folio_alloc_swap, folio_free_swap, free_swap_cache and
// free_swap_and_cache_nr of mm/swapfile.c and mm/swap_state.c, Linux 6.18: what
// swap/ does with slots, with the references that folios hold for it.
#pragma once

#include <optional>

#include "vm/address_space.h"

namespace quire::vm {

// Gives the folio slots in a row and puts it into the cache. Nothing: no device
// has room for it whole.
[[nodiscard]] std::optional<SwapEntry> add_to_swap(System& system, Pfn head);
// The folio, fresh and unmapped, is in memory for these slots.
void add_to_swap_cache(System& system, Pfn head, SwapEntry first);
// The folio leaves the cache; slots that no entry names are free.
void delete_from_swap_cache(System& system, Pfn head);
// Leaves the cache if no entry names its slots any more. False: it stays, or was not in it.
bool free_swap(System& system, Pfn head);
// Slots that nothing but the cached folio keeps are wanted back: it leaves the cache
// and stays in memory, changed as against what the device had; it may be mapped, pinned
// or isolated. False: it is about to enter the cache. Linux refuses what is locked as well;
// nobody allocates slots here while he holds the lock of a folio that has some.
bool drop_from_cache(System& system, Pfn head);
// What was just unmapped need not keep its slots.
void free_swap_cache(System& system, Pfn head);
// Gives up a reference, and the cache with it where nothing maps the folio.
void put_folio_and_swap_cache(System& system, Pfn head, std::uint32_t n = 1);
// `n` entries from `first` on are gone: what only they kept in memory goes too.
void free_swap_and_cache(System& system, SwapEntry first, PageCount n);
// More than half of all slots are used: none is kept for a page that is in memory.
[[nodiscard]] bool swap_full(const System& system);

// How many entries from `first` on, at most `limit`, name slots in a row and are
// alike otherwise (the kernel's swap_pte_batch).
[[nodiscard]] std::uint32_t swap_pte_batch(const Entry* first, std::uint32_t limit);

}  // namespace quire::vm
