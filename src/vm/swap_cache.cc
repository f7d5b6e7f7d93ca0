#include "vm/swap_cache.h"

#include "base/check.h"

namespace quire::vm {
namespace {

std::uint32_t pages_of(const System& system, Pfn head) {
  return static_cast<std::uint32_t>(system.folios.order_of(head).pages().raw());
}

void enter(System& system, Pfn head) {
  system.memory.frame(head).swapcache = 1;
  system.folios.get(head, pages_of(system, head));
}

// The caller has a reference of its own.
void leave(System& system, Pfn head) {
  system.memory.frame(head).swapcache = 0;
  system.swap_readahead.forget(head);
  system.folios.put(head, pages_of(system, head));
}

}  // namespace

std::optional<SwapEntry> add_to_swap(System& system, Pfn head) {
  const auto first = system.swap.add_to_swap(head, system.folios.order_of(head));
  if (first) enter(system, head);
  return first;
}

void add_to_swap_cache(System& system, Pfn head, SwapEntry first) {
  system.swap.add_to_cache(head, system.folios.order_of(head), first);
  enter(system, head);
  system.folios.add_to_lru(head);
}

void delete_from_swap_cache(System& system, Pfn head) {
  QUIRE_DCHECK(system.memory.frame(head).swapcache != 0);
  system.swap.remove_from_cache(head);
  leave(system, head);
}

bool drop_from_cache(System& system, Pfn head) {
  if (system.memory.frame(head).swapcache == 0) return false;
  system.folios.get(head);
  delete_from_swap_cache(system, head);
  system.memory.frame(head).dirty = 1;
  system.folios.put(head);
  return true;
}

bool free_swap(System& system, Pfn head) {
  if (system.memory.frame(head).swapcache == 0 || !system.swap.free_swap(head)) return false;
  // What the device had is gone: only this copy is left.
  system.memory.frame(head).dirty = 1;
  leave(system, head);
  return true;
}

void free_swap_cache(System& system, Pfn head) {
  if (system.memory.frame(head).swapcache != 0 && system.folios.mapcount(head) == 0) free_swap(system, head);
}

void put_folio_and_swap_cache(System& system, Pfn head, std::uint32_t n) {
  free_swap_cache(system, head);
  system.folios.put(head, n);
}

void free_swap_and_cache(System& system, SwapEntry first, PageCount n) {
  system.swap.put(first, n);
  for (PageCount i; i < n; i += PageCount(1)) {
    const Pfn page = system.swap.cached(first + i);
    if (!page.valid()) continue;
    const Pfn head = system.folios.head_of(page);
    if (system.folios.mapcount(head) != 0 && !swap_full(system)) continue;
    system.folios.get(head);
    free_swap(system, head);
    system.folios.put(head);
  }
}

bool swap_full(const System& system) {
  const std::uint64_t total = system.swap.total().raw();
  return (total - system.swap.used().raw()) * 2 < total;
}

std::uint32_t swap_pte_batch(const Entry* first, std::uint32_t limit) {
  std::uint32_t n = 1;
  while (n < limit && first[n] == Native::advance_swap(*first, n)) ++n;
  return n;
}

}  // namespace quire::vm
