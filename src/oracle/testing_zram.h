// oracle/testing_zram.h - a zram device of the test's own as swap.
#pragma once

#include <fcntl.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

#include "quire/types.h"

namespace quire::litmus::testing {

// How a device is to look to swapon(2).
struct ZramOptions {
  PageCount slots;
  int priority = 0;
  enum class Kind : std::uint8_t { kMemory, kDisk, kDiscarding } kind = Kind::kMemory;
};

// A device that was added, formatted and put into use.
//
// Owns        : the device. A process of its own takes it away when this one is done with it or
//               gone, however it ended.
class ZramSwap {
 public:
  explicit ZramSwap(const ZramOptions& options) {
    std::ifstream("/sys/class/zram-control/hot_add") >> number_;
    if (number_.empty() || !start_keeper()) return;
    const std::string folder = "/sys/block/zram" + number_;
    std::ofstream(folder + "/disksize") << options.slots.bytes().raw();
    if (options.kind == ZramOptions::Kind::kDisk) std::ofstream(folder + "/queue/rotational") << 1;
    int flags = SWAP_FLAG_PREFER | options.priority;
    if (options.kind == ZramOptions::Kind::kDiscarding) flags |= SWAP_FLAG_DISCARD | kDiscardPages;
    on_ = write_header(options.slots) && ::swapon(path().c_str(), flags) == 0;
  }
  ~ZramSwap() {
    if (keeper_ <= 0) return;
    ::close(alive_);
    ::waitpid(keeper_, nullptr, 0);
  }
  ZramSwap(const ZramSwap&) = delete;
  ZramSwap& operator=(const ZramSwap&) = delete;

  [[nodiscard]] bool on() const { return on_; }
  // Slots it was told to forget so far: by the slot, and by the cluster when it is empty.
  [[nodiscard]] std::uint64_t forgotten() const {
    std::ifstream in("/sys/block/zram" + number_ + "/io_stat");
    std::uint64_t word = 0;
    for (int i = 0; i < 4; ++i) in >> word;
    return word;
  }
  [[nodiscard]] std::string path() const { return "/dev/zram" + number_; }

 private:
  static constexpr int kDiscardPages = 0x40000;  // SWAP_FLAG_DISCARD_PAGES, which headers lack

  [[nodiscard]] bool start_keeper() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    keeper_ = ::fork();
    if (keeper_ == 0) keep(ends[0]);
    ::close(ends[0]);
    alive_ = ends[1];
    return keeper_ > 0;
  }
  // Holds nothing of its parent's: another keeper may wait for that to be closed.
  [[noreturn]] void keep(int end) const {
    ::setsid();
    ::dup2(end, 0);
    ::close_range(3, ~0U, 0);
    char byte = 0;
    while (::read(0, &byte, 1) > 0) continue;
    ::swapoff(path().c_str());
    std::ofstream("/sys/class/zram-control/hot_remove") << number_ << std::flush;
    ::_exit(0);
  }
  // Version 1: the number of the last page behind 1024 bytes, ten letters at the end.
  [[nodiscard]] bool write_header(PageCount slots) const {
    std::array<char, kPageSize> page{};
    const std::array<std::uint32_t, 2> words{1, static_cast<std::uint32_t>(slots.raw() - 1)};
    std::memcpy(page.data() + 1024, words.data(), sizeof words);
    std::memcpy(page.data() + kPageSize - 10, "SWAPSPACE2", 10);
    const int fd = ::open(path().c_str(), O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && ::pwrite(fd, page.data(), page.size(), 0) == kPageSize;
    if (fd >= 0) ::close(fd);
    return written;
  }

  std::string number_;
  pid_t keeper_ = -1;
  int alive_ = -1;
  bool on_ = false;
};

}  // namespace quire::litmus::testing
