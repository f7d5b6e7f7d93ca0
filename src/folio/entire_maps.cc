#include "folio/entire_maps.h"

#include <algorithm>

#include "base/check.h"

namespace quire::folio {

bool EntireMaps::has(Pfn head, MmId mm) const {
  const auto found = whole_.find(head);
  return found != whole_.end() && std::ranges::find(found->second.by, mm) != found->second.by.end();
}

bool EntireMaps::double_map(Pfn head) const {
  const auto found = whole_.find(head);
  return found != whole_.end() && found->second.double_map;
}

std::uint32_t EntireMaps::mappers(Pfn head) const {
  const auto found = whole_.find(head);
  return found == whole_.end() ? 0 : static_cast<std::uint32_t>(found->second.by.size());
}

void EntireMaps::add(LargeFolio& folio, MmId mm) {
  whole_[folio.head].by.push_back(mm);
  folio.entire_mapcount += 1;
}

void EntireMaps::remove(LargeFolio& folio, MmId mm) { forget(folio, mm); }

void EntireMaps::break_up(LargeFolio& folio, MmId mm) {
  Whole& whole = whole_.at(folio.head);
  phys::Frame* const first = &memory_.frame(folio.head);
  if (folio.entire_mapcount > 1 && !whole.double_map) {
    whole.double_map = true;
    for (phys::Frame* page = first; page != first + kPages; ++page) page->add_map();
    counters_.add(stats::VmEvent::cont_pte_double_map_count);
  }
  const auto own = whole.double_map ? 1U : 0U;
  for (phys::Frame* page = first; page != first + kPages; ++page) {
    if (page->mapcount == own) ++folio.nr_pages_mapped;
    page->add_map();
  }
  forget(folio, mm);
}

void EntireMaps::forget(LargeFolio& folio, MmId mm) {
  const auto found = whole_.find(folio.head);
  QUIRE_CHECK(found != whole_.end() && folio.entire_mapcount > 0);
  const auto mapper = std::ranges::find(found->second.by, mm);
  QUIRE_CHECK(mapper != found->second.by.end());
  found->second.by.erase(mapper);
  folio.entire_mapcount -= 1;
  if (folio.entire_mapcount != 0) return;
  if (found->second.double_map) {
    phys::Frame* const first = &memory_.frame(folio.head);
    for (phys::Frame* page = first; page != first + kPages; ++page) page->drop_map();
  }
  whole_.erase(found);
}

}  // namespace quire::folio
