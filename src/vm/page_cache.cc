#include "vm/page_cache.h"

#include <absl/container/flat_hash_map.h>

namespace quire::vm {
namespace {

constexpr std::uint64_t key(FileId file, std::uint64_t pgoff) {
  return (static_cast<std::uint64_t>(file.raw()) << 36) | (pgoff & ((1ULL << 36) - 1));
}

}  // namespace

struct PageCache::Index {
  absl::flat_hash_map<std::uint64_t, Pfn> pages;
};

PageCache::PageCache(phys::PhysMemory& memory, folio::Folios& folios)
    : memory_(memory), folios_(folios), index_(std::make_unique<Index>()) {}

PageCache::~PageCache() {
  for (const auto& [unused, page] : index_->pages) folios_.put(page);
}

std::optional<Pfn> PageCache::page(FileId file, std::uint64_t pgoff) {
  const auto found = index_->pages.find(key(file, pgoff));
  if (found != index_->pages.end()) return found->second;
  const auto page = folios_.allocate(kOrder0);
  if (!page) return std::nullopt;
  memory_.frame(*page).set_kind(phys::FrameKind::kFile);
  memory_.zero(*page, kOrder0);
  folios_.mark_touched(*page);  // waste is about anonymous memory; the cache has its reasons
  index_->pages.emplace(key(file, pgoff), *page);
  return page;
}

PageCount PageCache::pages() const { return PageCount(index_->pages.size()); }

}  // namespace quire::vm
