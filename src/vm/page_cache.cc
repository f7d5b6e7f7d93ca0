#include "vm/page_cache.h"

namespace quire::vm {

PageCache::~PageCache() {
  for (const auto& [unused, page] : pages_) folios_.put(page);
}

std::optional<Pfn> PageCache::page(FileId file, std::uint64_t pgoff) {
  const auto found = pages_.find(key(file, pgoff));
  if (found != pages_.end()) return found->second;
  const auto page = folios_.allocate(kOrder0);
  if (!page) return std::nullopt;
  memory_.frame(*page).set_kind(phys::FrameKind::kFile);
  memory_.zero(*page, kOrder0);
  folios_.mark_touched(*page);  // waste is about anonymous memory; the cache has its reasons
  pages_.emplace(key(file, pgoff), *page);
  return page;
}

}  // namespace quire::vm
