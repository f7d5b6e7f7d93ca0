// swap/indirection.h - the slots behind entries that are no slots themselves
// (system 42, prediction P6).
//
// Mirrors: no kernel. A named alternative to Linux 6.18's rule that a folio needs slots in
// a row: page tables hold entries that are always in a row, and a table says which slot
// lies behind each.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/report.h"
#include "quire/types.h"
#include "swap/cluster.h"

namespace quire::swap {

// From entries to slots of one device.
//
// States      : a slot is free or behind one entry
// Invariants  : I-SWAP-8 no slot is behind two entries
// Complexity  : finding a free slot looks at 64 of them at a time, on from the last one taken
// Costs       : an eighth of a byte for each slot, four bytes for each entry of a cluster that holds any
class Indirection {
 public:
  // As many slots as the device has, the header's included.
  explicit Indirection(PageCount slots);

  // Puts free slots behind `count` entries; there must be as many.
  void map(std::uint64_t first, PageCount count);
  // Takes them away again.
  void unmap(std::uint64_t first, PageCount count);
  [[nodiscard]] std::uint64_t slot_of(std::uint64_t entry) const;

  // Calls run(slot, pages before it, pages) for each run of slots in a row behind
  // these entries.
  template <typename Run>
  void for_each_run(std::uint64_t first, PageCount count, Run run) const;

  [[nodiscard]] std::size_t bytes() const;
  void check_invariants(base::InvariantReport& out) const;

 private:
  using Table = std::array<std::uint32_t, kClusterSlots>;

  [[nodiscard]] std::uint32_t take_slot();
  [[nodiscard]] std::uint32_t& at(std::uint64_t entry);

  PageCount slots_;
  std::vector<std::uint64_t> taken_;  // a bit for each slot
  std::uint64_t from_ = 0;            // the word of taken_ that is looked at first
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<std::uint16_t> mapped_;  // entries of each table that have a slot
};

template <typename Run>
void Indirection::for_each_run(std::uint64_t first, PageCount count, Run run) const {
  for (std::uint64_t at = 0; at < count.raw();) {
    const std::uint64_t slot = slot_of(first + at);
    std::uint64_t length = 1;
    while (at + length < count.raw() && slot_of(first + at + length) == slot + length) ++length;
    run(slot, at, PageCount(length));
    at += length;
  }
}

}  // namespace quire::swap
