// reclaim/testing_dual.h - for tests only: dual lists that make their own halves.
#pragma once

#include <memory>

#include "reclaim/classic_lru.h"
#include "reclaim/dual_lru.h"
#include "reclaim/gen_lru.h"

namespace quire::reclaim {

class TwoClassic final : public FolioLists {
 public:
  explicit TwoClassic(const ListContext& context)
      : FolioLists(context),
        dual_(context, Order(4), std::make_unique<ClassicLru>(context),
              std::make_unique<ClassicLru>(context, 1 + ClassicLru::kNumbers)) {}
  void add(Pfn head) override { dual_.add(head); }
  void add_new(Pfn head) override { dual_.add_new(head); }
  void remove(Pfn head, PageCount pages) override { dual_.remove(head, pages); }
  void split(Pfn head, std::span<const Order> pieces) override { dual_.split(head, pieces); }
  void deactivate(Pfn head) override { dual_.deactivate(head); }
  void prepare(ScanControl& sc) override { dual_.prepare(sc); }
  void shrink(folio::GroupId group, ScanControl& sc) override { dual_.shrink(group, sc); }
  void tried(folio::GroupId target) override { dual_.tried(target); }
  void age() override { dual_.age(); }
  [[nodiscard]] PageCount evictable(folio::GroupId group) const override { return dual_.evictable(group); }
  [[nodiscard]] Shadow evicted(Pfn head, folio::GroupId target) override {
    return dual_.evicted(head, target);
  }
  void refaulted(Pfn head, Shadow shadow) override { dual_.refaulted(head, shadow); }
  void check_invariants(base::InvariantReport& out) const override { dual_.check_invariants(out); }
  [[nodiscard]] const FolioLists& half(bool large) const { return dual_.half(large); }

 private:
  DualLru dual_;
};

}  // namespace quire::reclaim
