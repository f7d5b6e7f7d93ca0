// live/pagemap.h - /proc/<pid>/pagemap: a word for each page of a process, and
// the PAGEMAP_SCAN ioctl of Linux 6.7 and later.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "live/unique_fd.h"
#include "quire/result.h"
#include "quire/types.h"

namespace quire::live {

// The file belongs to the address space that the process had at open(): after an
// exec it shows nothing any more, and alive() says so.
class Pagemap {
 public:
  // kPrivilege when the process is somebody else's; kFailure when there is none.
  [[nodiscard]] static Result<Pagemap, Diagnostic> open(pid_t pid);

  // "/proc/12/pagemap"
  [[nodiscard]] const std::string& name() const { return name_; }
  // The words of as many pages from `begin` on. Those nobody can have stay zero.
  [[nodiscard]] Result<void, Diagnostic> words(VirtAddr begin, std::span<std::uint64_t> to) const;

  // What PAGEMAP_SCAN can look for.
  enum class Pages : std::uint64_t {
    kPresent = 1ULL << 3,
    kPmdMapped = 1ULL << 6,  // or of hugetlbfs
  };
  // Where the pages of `range` are such, in address order. Page tables that do
  // not exist cost nothing. kPrivilege on an older kernel.
  [[nodiscard]] Result<std::vector<VirtRange>, Diagnostic> scan(VirtRange range, Pages pages) const;
  // A part of that: one call of the kernel, which stops when it has found
  // `at_most` pages, or more pieces than it cares to list.
  struct Scanned {
    std::vector<VirtRange> found;
    VirtAddr end;  // looked at up to here
  };
  [[nodiscard]] Result<Scanned, Diagnostic> scan_some(VirtRange range, Pages pages, PageCount at_most) const;

  // False when the address space is gone. `mapped` was an address of it.
  [[nodiscard]] bool alive(VirtAddr mapped) const;

 private:
  Pagemap(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  UniqueFd fd_;
  std::string name_;
};

// The words of a file that has 8 bytes for each number; those behind its end
// stay as they are.
[[nodiscard]] Result<void, Diagnostic> read_words(const UniqueFd& fd, const std::string& name,
                                                  std::uint64_t first, std::span<std::uint64_t> words);

// Opens a file of /proc for reading. kPrivilege when it may not be read.
[[nodiscard]] Result<UniqueFd, Diagnostic> open_to_read(const std::string& name);

}  // namespace quire::live
