// swap/zram_sysfs.h - the folder of a zram device: its files as text.
//
// Mirrors: /sys/block/zram<n> of Linux 6.18: names, texts, accepted values, errors.
// Differs: recompression has no files; quire_unit and quire_unit_stat, for units of several
// pages, are ours.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/result.h"
#include "swap/zram.h"

namespace quire::swap {

// ZramSysfs shows a device as files.
//
// Refers to   : the device, which must outlive it
// Invariants  : I-ZRAMFS-1 a write that is refused changes nothing, but for writeback, which may
//               have moved pages before it failed
// Errors: kNoEnt no such file, kAcces a file that can only be read, or only be written;
// kInval, kBusy, kNoDev, kNoSpc, kIo as the kernel has them.
class ZramSysfs {
 public:
  // `claimed` says whether somebody uses the device, as a swap device: it is not reset then.
  explicit ZramSysfs(Zram& zram, std::function<bool()> claimed = [] { return false; });

  // The names of all files, sorted.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] bool readable(std::string_view file) const;
  [[nodiscard]] bool writable(std::string_view file) const;
  // The text of a file, newline included.
  [[nodiscard]] Result<std::string, Errno> read(std::string_view file) const;
  // One write(2) of `text`; a newline at its end is ignored.
  [[nodiscard]] Result<void, Errno> write(std::string_view file, std::string_view text);

 private:
  struct File;
  [[nodiscard]] static const std::vector<File>& table();
  [[nodiscard]] static const File* find(std::string_view file);

  Zram& zram_;
  std::function<bool()> claimed_;
};

}  // namespace quire::swap
