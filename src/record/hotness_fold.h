// record/hotness_fold.h - page tables read again and again become what changed:
// the pages found accessed since the look before.
//
// Reading the bits is cheap and clearing them is not, so several looks share
// one clearing (a window): a page whose bit stays set is told once a window.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "record/ring_record.h"
#include "trace/accessed.h"

namespace quire::record {

// What is known of one address space in the present window.
//
// States      : for each look: any number of add(), then take()
// Invariants  : I-FOLD-1 a page is in at most one take() of a window, unless its
//               entry was removed in between
// Complexity  : O(pages under the table) for add()
class HotnessFold {
 public:
  // One table of the present look; addresses rise.
  void add(const qr_accessed& table);
  // The runs of the look that ends here.
  [[nodiscard]] std::vector<trace::PageRun> take();
  // The bits were cleared: a new window begins.
  void cleared();

 private:
  using Words = std::array<std::uint64_t, QR_TABLE_WORDS>;
  void add_page(std::uint64_t page, trace::Written written);

  std::unordered_map<std::uint64_t, Words> seen_;  // by base: bits that were set at the look before
  std::unordered_map<std::uint64_t, Words> now_;   // and at this one
  std::vector<trace::PageRun> runs_;
};

}  // namespace quire::record
