// swap/page_io.h - the bytes of folios on their way to and from a device.
//
// Mirrors: mm/page_io.c of Linux 6.18: swap_writeout, swap_read_folio, the map of
// zero-filled pages, and when each counter moves: as a request is made, whether it succeeds or
// not. Differs: no request is ever under way.
#pragma once

#include "phys/memory.h"
#include "quire/result.h"
#include "stats/counters.h"
#include "swap/device.h"

namespace quire::swap {

// Writes and reads whole folios.
//
// Refers to   : the machine's memory and counters
class PageIo {
 public:
  // The slots of one folio.
  struct Place {
    Device& device;
    std::uint64_t slot;
    Pfn head;
    Order order;
  };
  PageIo(phys::PhysMemory& memory, stats::Counters& counters) : memory_(memory), counters_(counters) {}

  // What the folio holds; null where no contents are kept.
  [[nodiscard]] std::byte* bytes(Pfn head) const;
  [[nodiscard]] Result<void, IoError> write(const Place& place);
  [[nodiscard]] Result<void, IoError> read(const Place& place);
  // The folio was read, and is in the swap cache: what is kept of it in front of the device goes,
  // and then it is dirty (zswap_load).
  void give_up_in_front(const Place& place);

 private:
  enum class Way : std::uint8_t { kOut, kIn };

  [[nodiscard]] bool all_zero(Pfn head, Order order) const;
  [[nodiscard]] Result<void, IoError> transfer(const Place& place, Way way);
  void count_write(const Place& place);
  void count_read(const Place& place);

  phys::PhysMemory& memory_;
  stats::Counters& counters_;
};

}  // namespace quire::swap
