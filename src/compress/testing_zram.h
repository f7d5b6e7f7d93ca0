// compress/testing_zram.h - a zram device of the running kernel, for as long as
// an object of this class, or the test, lives.
//
// A child removes it: it waits for the end of a pipe that only the test holds, so
// that the device goes whichever way the test ends.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace quire::compress::testing {

class Zram {
 public:
  // Null where there may be none: no root, no zram, or not this algorithm.
  [[nodiscard]] static std::unique_ptr<Zram> make(std::string_view algorithm, std::uint64_t bytes) {
    std::string number;
    if (!(std::ifstream("/sys/class/zram-control/hot_add") >> number)) return nullptr;
    std::unique_ptr<Zram> made(new Zram(number));
    const bool ready = made->set("comp_algorithm", algorithm) &&
                       made->set("disksize", std::to_string(bytes)) && made->open();
    return ready ? std::move(made) : nullptr;
  }
  ~Zram() {
    if (device_ >= 0) close(device_);
    close(alive_);
    waitpid(remover_, nullptr, 0);
  }
  Zram(const Zram&) = delete;
  Zram& operator=(const Zram&) = delete;

  // A number of its mm_stat: 0 original bytes, 1 compressed, 2 memory used, 6 pages compacted.
  [[nodiscard]] std::uint64_t stat(unsigned column) const {
    std::ifstream file(folder_ + "mm_stat");
    std::uint64_t value = 0;
    for (unsigned n = 0; n <= column; ++n) file >> value;
    return value;
  }
  // `page` must be aligned to its size.
  [[nodiscard]] bool write(std::uint64_t number, std::span<const std::byte> page) const {
    return pwrite(device_, page.data(), page.size(), static_cast<off_t>(number * page.size())) ==
           static_cast<ssize_t>(page.size());
  }
  [[nodiscard]] bool read(std::uint64_t number, std::span<std::byte> page) const {
    return pread(device_, page.data(), page.size(), static_cast<off_t>(number * page.size())) ==
           static_cast<ssize_t>(page.size());
  }
  [[nodiscard]] bool discard(std::uint64_t number, std::uint64_t page_size) const {
    std::array<std::uint64_t, 2> range{number * page_size, page_size};
    return ioctl(device_, BLKDISCARD, range.data()) == 0;
  }
  [[nodiscard]] bool compact() const { return set("compact", "1"); }

 private:
  explicit Zram(const std::string& number) : number_(number), folder_("/sys/block/zram" + number + "/") {
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return;
    remover_ = fork();
    if (remover_ == 0) {
      close(ends[1]);
      setsid();
      char none = 0;
      while (::read(ends[0], &none, 1) > 0) {
      }
      remove();
      _exit(0);
    }
    close(ends[0]);
    alive_ = ends[1];
  }
  [[nodiscard]] bool set(const char* file, std::string_view value) const {
    std::ofstream out(folder_ + file);
    out << value << std::flush;
    return out.good();
  }
  [[nodiscard]] bool open() {
    device_ = ::open(("/dev/zram" + number_).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    return device_ >= 0;
  }
  // A test that was killed may have the device open for a moment yet.
  void remove() const {
    for (int tries = 0; tries < 200; ++tries) {
      (void)set("reset", "1");
      std::ofstream out("/sys/class/zram-control/hot_remove");
      out << number_ << std::flush;
      if (out.good()) return;
      poll(nullptr, 0, 10);
    }
  }

  std::string number_, folder_;
  int device_ = -1;
  int alive_ = -1;
  pid_t remover_ = -1;
};

}  // namespace quire::compress::testing
