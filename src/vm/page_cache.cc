#include "vm/page_cache.h"

#include <absl/container/flat_hash_map.h>

namespace quire::vm {
namespace {

constexpr unsigned kOffsetBits = 36;

constexpr std::uint64_t key(FileId file, std::uint64_t pgoff) {
  return (static_cast<std::uint64_t>(file.raw()) << kOffsetBits) | (pgoff & ((1ULL << kOffsetBits) - 1));
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

std::optional<Pfn> PageCache::find(FileId file, std::uint64_t pgoff) const {
  const auto found = index_->pages.find(key(file, pgoff));
  return found == index_->pages.end() ? std::nullopt : std::optional(found->second);
}

void PageCache::drop(FileId file) {
  absl::erase_if(index_->pages, [&](const auto& entry) {
    if (entry.first >> kOffsetBits != file.raw()) return false;
    folios_.put(entry.second);
    return true;
  });
}

PageCount PageCache::pages() const { return PageCount(index_->pages.size()); }

}  // namespace quire::vm
