// swap/page_store.h - pages by number, in this program's memory or in a file
// of the host: what the devices that compress nothing are made of.
//
// Mirrors: nothing; it is the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "quire/result.h"
#include "quire/types.h"

namespace quire::swap {

// PageStore keeps pages. One that nothing was written to reads as zeroes.
class PageStore {
 public:
  virtual ~PageStore() = default;
  PageStore() = default;
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;

  [[nodiscard]] virtual PageCount size() const = 0;
  // False: the host could not. `bytes` are `count` whole pages.
  [[nodiscard]] virtual bool write(std::uint64_t page, const std::byte* bytes, PageCount count) = 0;
  [[nodiscard]] virtual bool read(std::uint64_t page, std::byte* bytes, PageCount count) = 0;
  // They may be forgotten.
  virtual void forget(std::uint64_t page, PageCount count) = 0;
};

// In memory; pages that were never written take none.
[[nodiscard]] std::unique_ptr<PageStore> pages_in_memory(PageCount size);

// In an existing file or block device of the host, as many whole pages as it has. The error
// is that of open(2); kInval: it is not even one page.
[[nodiscard]] Result<std::unique_ptr<PageStore>, Errno> pages_in_file(const std::filesystem::path& path);

}  // namespace quire::swap
