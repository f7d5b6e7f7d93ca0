#include "reclaim/dual_lru.h"

#include "base/check.h"

namespace quire::reclaim {

void DualLru::remove(Pfn head, PageCount pages) {
  halves_[pages >= large_.pages() ? 1 : 0]->remove(head, pages);
}

// What stays in its half stands where it stood; pieces that change halves are new there.
void DualLru::split(Pfn head, std::span<const Order> pieces) {
  PageCount all;
  for (const Order piece : pieces) all += piece.pages();
  FolioLists& from = *halves_[all >= large_.pages() ? 1 : 0];
  bool stays = true;
  for (const Order piece : pieces) stays = stays && (piece >= large_) == (all >= large_.pages());
  if (stays || slot(head).list == 0) return from.split(head, pieces);
  from.remove(head, all);
  copy_marks(context_.table, head, pieces);
  Pfn at = head;
  for (const Order piece : pieces) {
    add(at);
    at = at + piece.pages();
  }
}

void DualLru::prepare(ScanControl& sc) {
  for (const auto& half : halves_) half->prepare(sc);
}

void DualLru::tried(folio::GroupId target) {
  for (const auto& half : halves_) half->tried(target);
}

void DualLru::shrink_half(FolioLists& half, folio::GroupId group, ScanControl& sc) {
  const int priority = sc.priority;
  half.prepare(sc);
  sc.priority = priority;
  half.shrink(group, sc);
}

// The half that is short first; the other one when the need is great.
void DualLru::shrink(folio::GroupId group, ScanControl& sc) {
  constexpr int kGreatNeed = 4;
  const bool large = sc.order >= large_;
  FolioLists& first = *halves_[large ? 1 : 0];
  FolioLists& second = *halves_[large ? 0 : 1];
  const std::uint64_t before = sc.nr_reclaimed;
  shrink_half(first, group, sc);
  if (sc.nr_reclaimed - before >= sc.nr_to_reclaim) return;
  if (sc.priority <= kGreatNeed || first.evictable(group).raw() == 0) shrink_half(second, group, sc);
}

void DualLru::age() {
  for (const auto& half : halves_) half->age();
}

PageCount DualLru::evictable(folio::GroupId group) const {
  return halves_[0]->evictable(group) + halves_[1]->evictable(group);
}

void DualLru::check_invariants(base::InvariantReport& out) const {
  for (const auto& half : halves_) half->check_invariants(out);
}

}  // namespace quire::reclaim
