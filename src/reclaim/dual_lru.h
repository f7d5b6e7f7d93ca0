// reclaim/dual_lru.h - large and small folios on lists of their own.
//
// Mirrors: the two LRUs of OPPO's kernels (system 50), and the targeted reclaim of
// TAO with generations (system 55); not of Linux 6.18. The vendor's source is not public:
// what it does is told in the talks the seeds cite, the rest is ours.
#pragma once

#include <memory>

#include "reclaim/folio_lists.h"

namespace quire::reclaim {

// Two objects of any one kind, each with half of the folios: one allocation's need for
// 64 KiB does not scan past thousands of small folios, and small needs do not break up
// large ones. Who asks for large memory gets large folios taken; when that does not
// help, at the last priorities, from the others too.
//
// Owns        : both halves
// Invariants  : theirs (a folio in the wrong half breaks the sums of I-LRU-1 there)
class DualLru final : public FolioLists {
 public:
  // Folios from `large` on are in the second half.
  DualLru(const ListContext& context, Order large, std::unique_ptr<FolioLists> small_half,
          std::unique_ptr<FolioLists> large_half)
      : FolioLists(context), large_(large), halves_{std::move(small_half), std::move(large_half)} {
    for (const auto& half : halves_) half->live_in(*this);
  }

  void add(Pfn head) override { half_of(head).add(head); }
  void add_new(Pfn head) override { half_of(head).add_new(head); }
  void remove(Pfn head, PageCount pages) override;
  void split(Pfn head, std::span<const Order> pieces) override;
  void deactivate(Pfn head) override { half_of(head).deactivate(head); }
  void forget_use(Pfn head) override { half_of(head).forget_use(head); }

  void prepare(ScanControl& sc) override;
  void shrink(folio::GroupId group, ScanControl& sc) override;
  void tried(folio::GroupId target) override;
  [[nodiscard]] bool walks_again(const ScanControl& sc) const override { return halves_[0]->walks_again(sc); }
  void age() override;
  [[nodiscard]] PageCount evictable(folio::GroupId group) const override;

  [[nodiscard]] Shadow evicted(Pfn head, folio::GroupId target) override {
    return half_of(head).evicted(head, target);
  }
  void refaulted(Pfn head, Shadow shadow) override { half_of(head).refaulted(head, shadow); }

  void check_invariants(base::InvariantReport& out) const override;

  [[nodiscard]] const FolioLists& half(bool large) const { return *halves_[large ? 1 : 0]; }

 private:
  [[nodiscard]] FolioLists& half_of(Pfn head) {
    return *halves_[context_.folios.order_of(head) >= large_ ? 1 : 0];
  }

  // What sc says of the stocks is of this half then.
  static void shrink_half(FolioLists& half, folio::GroupId group, ScanControl& sc);

  const Order large_;
  std::unique_ptr<FolioLists> halves_[2];  // small, large
};

}  // namespace quire::reclaim
