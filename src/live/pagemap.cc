#include "live/pagemap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

#include "live/file_ops.h"

namespace quire::live {

namespace {

// PAGEMAP_SCAN, which Debian 12's headers do not know yet.
struct PageRegion {
  std::uint64_t start, end, categories;
};
struct PmScanArg {
  std::uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  std::uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
static_assert(sizeof(PageRegion) == 24 && sizeof(PmScanArg) == 96);
constexpr unsigned long kPagemapScan = _IOWR('f', 16, PmScanArg);

constexpr PageCount kNoLimit(0);  // as the ioctl understands it

// One call answers at most so many regions.
using Regions = std::array<PageRegion, 512>;

Diagnostic io_failure(const std::string& where) {
  const std::errc error = last_errc();
  const bool denied = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return {.kind = denied ? Diagnostic::Kind::kPrivilege : Diagnostic::Kind::kFailure,
          .where = where,
          .what = message_of(error),
          .hint = denied ? "run it as root: page frames need CAP_SYS_ADMIN" : ""};
}

Diagnostic scan_failure(const std::string& name) {
  const std::errc error = last_errc();
  if (error != std::errc::inappropriate_io_control_operation) return io_failure(name + " (PAGEMAP_SCAN)");
  return {.kind = Diagnostic::Kind::kPrivilege,
          .where = name,
          .what = "this kernel has no PAGEMAP_SCAN",
          .hint = "needs Linux 6.7 or later"};
}

// Regions of different categories can touch; for us they are one.
void append(std::vector<VirtRange>& found, VirtRange range) {
  if (!found.empty() && found.back().end == range.begin) {
    found.back().end = range.end;
  } else {
    found.push_back(range);
  }
}

}  // namespace

Result<void, Diagnostic> read_words(const UniqueFd& fd, const std::string& name, std::uint64_t first,
                                    std::span<std::uint64_t> words) {
  std::size_t done = 0;
  while (done < words.size_bytes()) {
    const ssize_t n = ::pread(fd.get(), reinterpret_cast<char*>(words.data()) + done,
                              words.size_bytes() - done, static_cast<off_t>(first * 8 + done));
    if (n < 0) return fail(io_failure(name));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<UniqueFd, Diagnostic> open_to_read(const std::string& name) {
  UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(io_failure(name));
  return fd;
}

Result<Pagemap, Diagnostic> Pagemap::open(pid_t pid) {
  std::string name = fmt::format("/proc/{}/pagemap", pid);
  UniqueFd fd = QUIRE_TRY(open_to_read(name));
  return Pagemap(std::move(fd), std::move(name));
}

Result<void, Diagnostic> Pagemap::words(VirtAddr begin, std::span<std::uint64_t> to) const {
  return read_words(fd_, name_, begin.page_number(), to);
}

Result<Pagemap::Scanned, Diagnostic> Pagemap::scan_some(VirtRange range, Pages pages,
                                                        PageCount at_most) const {
  Regions regions;
  PmScanArg arg{};
  arg.size = sizeof arg;
  arg.start = range.begin.raw();
  arg.end = range.end.raw();
  arg.vec = reinterpret_cast<std::uint64_t>(regions.data());
  arg.vec_len = regions.size();
  arg.max_pages = at_most.raw();
  arg.category_mask = static_cast<std::uint64_t>(pages);
  arg.return_mask = static_cast<std::uint64_t>(pages);
  const int n = ::ioctl(fd_.get(), kPagemapScan, &arg);
  if (n < 0) return fail(scan_failure(name_));
  Scanned scanned{{}, VirtAddr(arg.walk_end)};
  for (const PageRegion& region : std::span(regions).first(static_cast<std::size_t>(n)))
    append(scanned.found, {VirtAddr(region.start), VirtAddr(region.end)});
  return scanned;
}

Result<std::vector<VirtRange>, Diagnostic> Pagemap::scan(VirtRange range, Pages pages) const {
  std::vector<VirtRange> found;
  while (!range.empty()) {
    const Scanned scanned = QUIRE_TRY(scan_some(range, pages, kNoLimit));
    for (const VirtRange& piece : scanned.found) append(found, piece);
    range.begin = scanned.end;
  }
  return found;
}

bool Pagemap::alive(VirtAddr mapped) const {
  std::uint64_t word = 0;
  return ::pread(fd_.get(), &word, sizeof word, static_cast<off_t>(mapped.page_number() * 8)) == sizeof word;
}

}  // namespace quire::live
