// swap/plain_device.h - a block device and a swap file: pages kept as they are.
//
// Mirrors: what swapon of Linux 6.18 finds out about a disk, a memory device such as brd or pmem,
// and a file in a file system. Differs: no file system splits the file into extents.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "swap/backend.h"
#include "swap/page_store.h"

namespace quire::swap {

// What a plain device was asked for, in pages.
struct PlainStats {
  std::uint64_t written = 0;
  std::uint64_t read = 0;
  std::uint64_t freed = 0;
  std::uint64_t discarded = 0;
};

// What is true of a disk and not of every other.
struct DiskTraits {
  bool rotational = false;  // it turns: one place to write to for all cpus
  bool discards = false;    // it is told of clusters that nobody uses (swapon --discard=pages)
};

// PlainDevice keeps pages as they are.
//
// States      : each slot is empty or holds a page
// Owns        : its store
// Locks       : one thread drives a machine
// Errors      : a request beyond its end, or that the host refuses: kWrite, kRead
// Invariants  : I-PLAIN-1 a page reads as it was last written, one never written as zeroes
class PlainDevice final : public Backend {
 public:
  PlainDevice(std::string name, std::unique_ptr<PageStore> store, Traits traits);

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] Traits traits() const override { return traits_; }
  [[nodiscard]] PageCount size() const override { return store_->size(); }
  [[nodiscard]] Result<void, IoError> write(std::uint64_t slot, Pages pages) override;
  [[nodiscard]] Result<void, IoError> read(std::uint64_t slot, Pages pages) override;
  void slots_freed(std::uint64_t slot, PageCount count) override;
  void discard(std::uint64_t slot, PageCount count) override;

  [[nodiscard]] const PlainStats& stats() const { return stats_; }

 private:
  [[nodiscard]] bool inside(std::uint64_t slot, PageCount count) const;

  std::string name_;
  std::unique_ptr<PageStore> store_;
  Traits traits_;
  PlainStats stats_;
};

// A disk of this many pages in this program's memory: it takes large folios whole, and reads go
// through the swap cache.
[[nodiscard]] std::unique_ptr<PlainDevice> block_device(PageCount size, std::string name = "sda",
                                                        DiskTraits disk = {});
// The same in a file or block device of the host.
[[nodiscard]] Result<std::unique_ptr<PlainDevice>, Errno> block_device(const std::filesystem::path& path);
// A swap file: large folios are split first.
[[nodiscard]] std::unique_ptr<PlainDevice> swap_file(PageCount size, std::string name = "swapfile",
                                                     DiskTraits disk = {});
[[nodiscard]] Result<std::unique_ptr<PlainDevice>, Errno> swap_file(const std::filesystem::path& path);

}  // namespace quire::swap
