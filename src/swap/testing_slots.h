// swap/testing_slots.h - a swap space with machine, counters and devices for tests.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "phys/memory.h"
#include "stats/counters.h"
#include "swap/swap_space.h"
#include "swap/testing_device.h"

namespace quire::swap::testing {

// Folios are frames that nobody else has; slots are in use by one entry each.
struct Space {
  phys::PhysMemory memory = *phys::PhysMemory::create({.ram = 64_MiB});
  stats::Counters counters;
  SwapSpace swap{memory, counters};

  std::uint8_t swapon(std::uint64_t slots, std::optional<std::int16_t> priority = std::nullopt,
                      Traits traits = {.block_device = true, .synchronous = true},
                      SlotPolicy policy = SlotPolicy::kContiguous) {
    return *swap.swapon(std::make_unique<MapDevice>(PageCount(slots), traits),
                        {.priority = priority, .slots = policy});
  }
  // A folio full of one byte.
  Pfn page(Order order, unsigned char fill = 0) {
    const Pfn head = *memory.allocate(order);
    std::memset(memory.bytes(head), fill, order.bytes().raw());
    return head;
  }
  // A folio goes out: slots, an entry for each page, out of the cache.
  SwapEntry out(Order order) {
    const std::optional<SwapEntry> entry = try_out(order);
    QUIRE_CHECK(entry.has_value());
    lengths[*entry] = order;
    return *entry;
  }
  std::optional<SwapEntry> try_out(Order order) {
    const Pfn head = *memory.allocate(order);
    const std::optional<SwapEntry> entry = swap.add_to_swap(head, order);
    if (entry) {
      swap.dup(*entry, order.pages());
      swap.remove_from_cache(head);
    }
    memory.free(head, order);
    return entry;
  }
  // The entries of a folio that went out are gone.
  void drop(SwapEntry entry) { swap.put(entry, lengths.at(entry).pages()); }

  std::map<SwapEntry, Order> lengths;
};

}  // namespace quire::swap::testing
