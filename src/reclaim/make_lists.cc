#include "reclaim/classic_lru.h"
#include "reclaim/dual_lru.h"
#include "reclaim/gen_lru.h"
#include "reclaim/reclaimer.h"

namespace quire::reclaim {

std::unique_ptr<FolioLists> make_lists(const ListContext& context, const Options& options) {
  switch (options.lru) {
    case LruKind::kClassic:
      break;
    case LruKind::kGenerations:
      return std::make_unique<GenLru>(context);
    case LruKind::kDual:
      return std::make_unique<DualLru>(context, options.large, std::make_unique<ClassicLru>(context),
                                       std::make_unique<ClassicLru>(context, 1 + ClassicLru::kNumbers));
    case LruKind::kDualGenerations: {
      auto small_half = std::make_unique<GenLru>(context);
      auto large_half = std::make_unique<GenLru>(context, 1 + GenLru::kNumbers);
      small_half->share_walks_with(*large_half);
      large_half->share_walks_with(*small_half);
      return std::make_unique<DualLru>(context, options.large, std::move(small_half), std::move(large_half));
    }
  }
  return std::make_unique<ClassicLru>(context);
}

}  // namespace quire::reclaim
