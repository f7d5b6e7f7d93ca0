// folio/large_folio.h - what only a folio of more than one page needs.
//
// Mirrors: the fields struct folio keeps in its tail pages, Linux 6.18:
// _large_mapcount, _entire_mapcount, _nr_pages_mapped, _mm_id and their map
// counts, _deferred_list.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>

#include "quire/types.h"

namespace quire::folio {

// Names an address space in a folio's two owner slots. 0 is nobody.
class MmId {
 public:
  constexpr MmId() = default;
  constexpr explicit MmId(std::uint32_t id) : id_(id) {}
  [[nodiscard]] constexpr std::uint32_t raw() const { return id_; }
  [[nodiscard]] constexpr bool valid() const { return id_ != 0; }
  constexpr auto operator<=>(const MmId&) const = default;

 private:
  std::uint32_t id_ = 0;
};

// An address space that maps the folio, and how often.
struct MmSlot {
  MmId mm;
  std::uint32_t mapcount = 0;
};

struct LargeFolio {
  Pfn head = Pfn::invalid();
  std::uint32_t large_mapcount = 0;   // page-table entries of any level that map some part
  std::uint32_t entire_mapcount = 0;  // of them PMDs
  std::uint32_t nr_pages_mapped = 0;  // pages with at least one PTE
  std::uint32_t pincount = 0;         // pins on any of its pages; each is a reference as well
  std::array<MmSlot, 2> slots;
  bool mapped_shared = false;     // "maybe mapped by more than one address space"
  bool partially_mapped = false;  // sticky: some page lost its last map while others kept theirs
  // On Folios::deferred_ only: partially mapped folios, and 2 MiB folios the
  // underused shrinker may look at.
  boost::intrusive::list_member_hook<> deferred_hook;
};

using DeferredList =
    boost::intrusive::list<LargeFolio,
                           boost::intrusive::member_hook<LargeFolio, boost::intrusive::list_member_hook<>,
                                                         &LargeFolio::deferred_hook>>;

// Counts `n` more maps by `mm`; the two-slot rule of rmap.h.
void add_maps(LargeFolio& folio, MmId mm, std::uint32_t n);
// Counts `n` fewer maps by `mm`.
void remove_maps(LargeFolio& folio, MmId mm, std::uint32_t n);

}  // namespace quire::folio
