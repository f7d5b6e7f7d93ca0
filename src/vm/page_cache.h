// vm/page_cache.h - file pages, as far as mappings need them.
//
// A stand-in for mm/filemap.c: every page a program maps exists, is resident,
// and is a folio of order 0. What sizes the page cache chooses, readahead and
// writeback are not modelled; recordings say which file pages were mapped.
// File bytes are zeroes until a program writes them through a shared mapping.
#pragma once

#include <memory>
#include <optional>

#include "folio/folios.h"
#include "vm/file_ref.h"

namespace quire::vm {

// Owns        : one reference on each page it holds
// Invariants  : I-PC-1 every page is of kind kFile and order 0
class PageCache {
 public:
  PageCache(phys::PhysMemory& memory, folio::Folios& folios);
  ~PageCache();
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  // The frame of a file's page; made at first use. Nothing when no frame is left.
  [[nodiscard]] std::optional<Pfn> page(FileId file, std::uint64_t pgoff);
  // The same, but only one that is there already.
  [[nodiscard]] std::optional<Pfn> find(FileId file, std::uint64_t pgoff) const;
  // The file is gone, and nobody maps it any more.
  void drop(FileId file);
  [[nodiscard]] PageCount pages() const;

 private:
  // By file and offset; a library's table, which only the source includes.
  struct Index;
  phys::PhysMemory& memory_;
  folio::Folios& folios_;
  std::unique_ptr<Index> index_;
};

}  // namespace quire::vm
