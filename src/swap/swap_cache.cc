#include "swap/swap_cache.h"

#include "base/check.h"

namespace quire::swap {

void SwapCache::add(Pfn head, Cached cached) {
  QUIRE_CHECK_EQ(cached.first.slot() % cached.order.pages().raw(), 0U);
  QUIRE_CHECK(of_head_.emplace(head, cached).second);
}

SwapCache::Cached SwapCache::remove(Pfn head) {
  const auto found = of_head_.find(head);
  QUIRE_CHECK(found != of_head_.end());
  const Cached cached = found->second;
  of_head_.erase(found);
  return cached;
}

std::optional<SwapCache::Cached> SwapCache::find(Pfn head) const {
  const auto found = of_head_.find(head);
  if (found == of_head_.end()) return std::nullopt;
  return found->second;
}

void SwapCache::split(Pfn head, Order to) {
  const Cached whole = remove(head);
  for (PageCount at; at < whole.order.pages(); at += to.pages()) add(head + at, {whole.first + at, to});
}

PageCount SwapCache::pages() const {
  PageCount sum;
  for (const auto& [head, cached] : of_head_) sum += cached.order.pages();
  return sum;
}

}  // namespace quire::swap
