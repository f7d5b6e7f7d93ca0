#include "folio/large_folio.h"

#include "base/check.h"

namespace quire::folio {
namespace {

MmSlot* slot_of(LargeFolio& folio, MmId mm) {
  for (MmSlot& slot : folio.slots) {
    if (slot.mm == mm) return &slot;
  }
  return nullptr;
}

}  // namespace

void add_maps(LargeFolio& folio, MmId mm, std::uint32_t n) {
  folio.large_mapcount += n;
  if (MmSlot* slot = slot_of(folio, mm)) {
    slot->mapcount += n;
    return;
  }
  if (!folio.slots[0].mm.valid()) {
    folio.slots[0] = {mm, n};
    // Others may map it already: the second slot's owner or one without a slot.
    if (folio.large_mapcount != n) folio.mapped_shared = true;
  } else if (!folio.slots[1].mm.valid()) {
    folio.slots[1] = {mm, n};
    folio.mapped_shared = true;
  }
  // Both taken: only the total grows; the mark is set already.
}

void remove_maps(LargeFolio& folio, MmId mm, std::uint32_t n) {
  QUIRE_DCHECK(folio.large_mapcount >= n);
  folio.large_mapcount -= n;
  if (MmSlot* slot = slot_of(folio, mm)) {
    // Maps made while no slot was free are not in its count, so it may fall short.
    if (slot->mapcount > n) {
      slot->mapcount -= n;
      return;  // still a mapper: the kernel does not look again
    }
    *slot = {};
  }
  for (const MmSlot& slot : folio.slots) {
    if (slot.mapcount == folio.large_mapcount) folio.mapped_shared = false;
  }
}

}  // namespace quire::folio
