// kernel/testing_flat_model.h - for tests only: what programs may expect of
// memory, said without frames, folios, tables or mappings.
//
// A program's memory is a table of pages; each has a protection, a few flags
// and its bytes. Everything Quire does with sizes, sharing and splitting must
// be invisible from here.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <span>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::testing {

using PageBytes = std::array<std::byte, kPageSize>;
using FlatTags = std::array<MemoryTag, kTagsPerPage>;
inline constexpr int kFlatMte = 0x20;  // PROT_MTE

struct FlatPage {
  int prot = 0;
  bool shared = false, locked = false, dont_fork = false, wipe_on_fork = false;
  std::uint32_t file = 0;  // 0: anonymous
  std::uint64_t file_page = 0;
  std::shared_ptr<PageBytes> own = nullptr;  // the program's own bytes; null: never written
  bool guard = false;                        // MADV_GUARD_INSTALL: not to be touched
  bool freed = false;                        // MADV_FREE, and not written since: may be dropped
  bool mte = false;                          // it was mapped with PROT_MTE: it has tags, 0 at first
  std::shared_ptr<FlatTags> tags = nullptr;  // null: all 0

  [[nodiscard]] bool readable() const { return prot != 0; }
  [[nodiscard]] bool writable() const { return (prot & PROT_WRITE) != 0; }
  // Bytes and tags are gone.
  void drop() {
    own.reset();
    tags.reset();
  }
  // Nothing was ever here, though the mapping is the same.
  void empty() {
    drop();
    guard = freed = false;
  }
};

// The files of a machine: pages that were written; all others are zeroes.
class FlatFiles {
 public:
  [[nodiscard]] const PageBytes& read(std::uint32_t file, std::uint64_t page) const {
    const auto found = pages_.find({file, page});
    return found == pages_.end() ? zero() : found->second;
  }
  [[nodiscard]] PageBytes& write(std::uint32_t file, std::uint64_t page) { return pages_[{file, page}]; }
  static const PageBytes& zero() {
    static const PageBytes kZero{};
    return kZero;
  }

 private:
  std::map<std::pair<std::uint32_t, std::uint64_t>, PageBytes> pages_;
};

// One program. Copying it is fork as far as bytes are concerned.
class FlatMemory {
 public:
  using Pages = std::map<std::uint64_t, FlatPage>;
  using Outcome = Result<void, Errno>;

  explicit FlatMemory(FlatFiles& files) : files_(&files) {}
  [[nodiscard]] const Pages& pages() const { return pages_; }
  [[nodiscard]] const FlatPage* find(VirtAddr addr) const;
  [[nodiscard]] const PageBytes& bytes(const FlatPage& page) const;
  [[nodiscard]] bool any_mapped(VirtRange range) const;
  [[nodiscard]] bool all_mapped(VirtRange range) const;

  void map(VirtRange range, const FlatPage& first);
  void unmap(VirtRange range);
  Outcome protect(VirtRange range, int prot);
  void protect_all(int prot) {
    for (auto& [n, page] : pages_) page.prot = prot;
  }
  Outcome advise(VirtRange range, int advice);
  Outcome lock(VirtRange range, bool locked);
  // The page was dropped, if it may have been. False: it must be there.
  bool drop(VirtAddr addr) {
    FlatPage& page = pages_.at(addr.page_number());
    if (!page.freed) return false;
    page.drop();
    page.freed = false;
    return true;
  }
  // Moves the pages of `from` to `to`; `keep` leaves empty ones behind.
  void move(VirtRange from, VirtAddr to, bool keep);
  Outcome store(VirtAddr addr, std::span<const std::byte> data);
  // From the `granule`th 16 bytes of a page on, not beyond it.
  Outcome set_tags(VirtAddr page, std::uint64_t granule, std::span<const MemoryTag> tags);
  [[nodiscard]] static const FlatTags& tags(const FlatPage& page) {
    static const FlatTags kZero{};
    return page.tags ? *page.tags : kZero;
  }
  // What a load of `n` bytes gives, up to the first page that faults.
  Outcome load(VirtAddr addr, std::span<std::byte> data) const;
  [[nodiscard]] FlatMemory forked() const;

 private:
  PageBytes& writable_bytes(FlatPage& page);
  Outcome advise_page(FlatPage& page, int advice);
  template <typename Change>
  Outcome each_until_hole(VirtRange range, Change change);

  FlatFiles* files_;
  Pages pages_;
};

inline const FlatPage* FlatMemory::find(VirtAddr addr) const {
  const auto found = pages_.find(addr.page_number());
  return found == pages_.end() ? nullptr : &found->second;
}

inline const PageBytes& FlatMemory::bytes(const FlatPage& page) const {
  if (page.own) return *page.own;
  return page.file == 0 ? FlatFiles::zero() : files_->read(page.file, page.file_page);
}

inline bool FlatMemory::any_mapped(VirtRange range) const {
  const auto at = pages_.lower_bound(range.begin.page_number());
  return at != pages_.end() && at->first < range.end.page_number();
}

inline bool FlatMemory::all_mapped(VirtRange range) const {
  for (VirtAddr at = range.begin; at < range.end; at += PageCount(1))
    if (find(at) == nullptr) return false;
  return true;
}

inline void FlatMemory::map(VirtRange range, const FlatPage& first) {
  unmap(range);
  FlatPage page = first;
  for (VirtAddr at = range.begin; at < range.end; at += PageCount(1)) {
    pages_[at.page_number()] = page;
    ++page.file_page;
  }
}

inline void FlatMemory::unmap(VirtRange range) {
  pages_.erase(pages_.lower_bound(range.begin.page_number()), pages_.lower_bound(range.end.page_number()));
}

template <typename Change>
FlatMemory::Outcome FlatMemory::each_until_hole(VirtRange range, Change change) {
  for (std::uint64_t n = range.begin.page_number(); n < range.end.page_number(); ++n) {
    const auto found = pages_.find(n);
    if (found == pages_.end()) return std::unexpected(Errno::kNoMem);
    if (const Outcome done = change(found->second); !done) return done;
  }
  return {};
}

// With PROT_MTE only where tags can be, on a machine that has them; they are never taken away.
inline FlatMemory::Outcome FlatMemory::protect(VirtRange range, int prot) {
  return each_until_hole(range, [prot](FlatPage& page) -> Outcome {
    const bool mte = (prot & kFlatMte) != 0;
    if (mte && page.file != 0) return std::unexpected(Errno::kInval);
    page.mte = page.mte || mte;
    page.prot = prot & ~kFlatMte;
    return {};
  });
}

inline FlatMemory::Outcome FlatMemory::lock(VirtRange range, bool locked) {
  const Outcome done = each_until_hole(range, [locked](FlatPage& page) -> Outcome {
    page.locked = locked;
    return {};
  });
  if (!done || !locked) return done;
  // Locking makes the pages present, which memory without access refuses.
  for (VirtAddr at = range.begin; at < range.end; at += PageCount(1))
    if (!find(at)->readable() || find(at)->guard) return std::unexpected(Errno::kNoMem);
  return {};
}

inline FlatMemory::Outcome FlatMemory::advise_page(FlatPage& page, int advice) {
  const auto refuse = [] { return Outcome(std::unexpected(Errno::kInval)); };
  switch (advice) {
    case MADV_DONTNEED:
      if (page.locked) return refuse();
      [[fallthrough]];
    case 24:  // MADV_DONTNEED_LOCKED
      page.drop();
      page.freed = false;
      break;
    case MADV_FREE:  // only MADV_PAGEOUT drops them
      if (page.locked || page.file != 0) return refuse();
      page.freed = page.own != nullptr;
      break;
    case MADV_COLD:
    case MADV_PAGEOUT:
      if (page.locked) return refuse();
      break;
    case 102:  // MADV_GUARD_INSTALL
      if (page.locked) return refuse();
      page.empty();
      page.guard = true;
      break;
    case 103:  // MADV_GUARD_REMOVE
      page.guard = false;
      break;
    case MADV_DONTFORK:
      page.dont_fork = true;
      break;
    case MADV_DOFORK:
      page.dont_fork = false;
      break;
    case MADV_WIPEONFORK:
      if (page.file != 0) return refuse();
      page.wipe_on_fork = true;
      break;
    case MADV_KEEPONFORK:
      page.wipe_on_fork = false;
      break;
    case 22:  // MADV_POPULATE_READ
      if (!page.readable()) return refuse();
      if (page.guard) return std::unexpected(Errno::kFault);
      break;
    case 23:  // MADV_POPULATE_WRITE
      if (!page.writable()) return refuse();
      if (page.guard) return std::unexpected(Errno::kFault);
      break;
    default:  // sizes and the like: nothing a program can see
      break;
  }
  return {};
}

inline FlatMemory::Outcome FlatMemory::advise(VirtRange range, int advice) {
  const bool populate = advice == 22 || advice == 23;
  bool hole = false;
  for (std::uint64_t n = range.begin.page_number(); n < range.end.page_number(); ++n) {
    const auto found = pages_.find(n);
    if (found == pages_.end()) {
      if (populate) return std::unexpected(Errno::kNoMem);
      hole = true;
    } else if (const Outcome done = advise_page(found->second, advice); !done) {
      return done;
    }
  }
  if (hole) return std::unexpected(Errno::kNoMem);
  return {};
}

inline void FlatMemory::move(VirtRange from, VirtAddr to, bool keep) {
  Pages moved;
  for (VirtAddr at = from.begin; at < from.end; at += PageCount(1)) {
    const auto found = pages_.find(at.page_number());
    if (found == pages_.end()) continue;
    moved[(to + (at - from.begin)).page_number()] = found->second;
    found->second.empty();
    if (keep) found->second.locked = false;
  }
  if (!keep) unmap(from);
  unmap({to, to + from.size()});
  for (const auto& [n, page] : moved) pages_[n] = page;
}

inline PageBytes& FlatMemory::writable_bytes(FlatPage& page) {
  if (page.shared) return files_->write(page.file, page.file_page);
  if (page.own == nullptr || page.own.use_count() > 1) page.own = std::make_shared<PageBytes>(bytes(page));
  return *page.own;
}

inline FlatMemory::Outcome FlatMemory::store(VirtAddr addr, std::span<const std::byte> data) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const VirtAddr at = addr + ByteCount(i);
    const auto found = pages_.find(at.page_number());
    if (found == pages_.end() || !found->second.writable() || found->second.guard)
      return std::unexpected(Errno::kFault);
    found->second.freed = false;
    writable_bytes(found->second)[at.page_offset()] = data[i];
  }
  return {};
}

inline FlatMemory::Outcome FlatMemory::set_tags(VirtAddr addr, std::uint64_t granule,
                                                std::span<const MemoryTag> tags) {
  const auto found = pages_.find(addr.page_number());
  if (found == pages_.end() || !found->second.writable() || found->second.guard)
    return std::unexpected(Errno::kFault);
  FlatPage& page = found->second;
  page.freed = false;
  writable_bytes(page);  // its own from now on, whatever becomes of the tags
  if (!page.mte) return std::unexpected(Errno::kOpNotSupp);
  if (page.tags == nullptr || page.tags.use_count() > 1)
    page.tags = std::make_shared<FlatTags>(FlatMemory::tags(page));
  std::ranges::copy(tags, page.tags->begin() + static_cast<std::ptrdiff_t>(granule));
  return {};
}

inline FlatMemory::Outcome FlatMemory::load(VirtAddr addr, std::span<std::byte> data) const {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const FlatPage* const page = find(addr + ByteCount(i));
    if (page == nullptr || !page->readable() || page->guard) return std::unexpected(Errno::kFault);
    data[i] = bytes(*page)[(addr + ByteCount(i)).page_offset()];
  }
  return {};
}

inline FlatMemory FlatMemory::forked() const {
  FlatMemory child = *this;
  std::erase_if(child.pages_, [](const auto& entry) { return entry.second.dont_fork; });
  for (auto& [n, page] : child.pages_) {
    page.locked = false;
    if (page.wipe_on_fork) page.empty();
  }
  return child;
}

}  // namespace quire::testing
