#include "live/layout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "live/file_ops.h"
#include "live/unique_fd.h"

namespace quire::live {

namespace {

// Words of /proc/<pid>/pagemap.
constexpr std::uint64_t kPresent = 1ULL << 63;
constexpr std::uint64_t kSwapped = 1ULL << 62;
constexpr std::uint64_t kFileOrShmem = 1ULL << 61;
constexpr std::uint64_t kGuardRegion = 1ULL << 58;  // shown with kSwapped
constexpr std::uint64_t kExclusive = 1ULL << 56;
constexpr std::uint64_t kFrame = (1ULL << 55) - 1;

// Words of /proc/kpageflags.
constexpr std::uint64_t kAnon = 1ULL << 12;
constexpr std::uint64_t kHead = 1ULL << 15;
constexpr std::uint64_t kTail = 1ULL << 16;
constexpr std::uint64_t kZeroPage = 1ULL << 24;

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
constexpr std::uint64_t kPageIsHuge = 1ULL << 6;

// Folios are naturally aligned and at most this large here, so a window of this
// size around a frame holds all of its folio.
constexpr std::uint64_t kWindow = 1ULL << kPmdOrder;

Diagnostic failure(Diagnostic::Kind kind, std::string where, std::string what) {
  return {kind, std::move(where), std::move(what), ""};
}

Diagnostic io_failure(const std::string& where) {
  const std::errc error = last_errc();
  const bool denied = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return failure(denied ? Diagnostic::Kind::kPrivilege : Diagnostic::Kind::kFailure, where,
                 message_of(error));
}

Result<std::vector<std::uint64_t>, Diagnostic> read_words(int fd, const std::string& name,
                                                          std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> words(count);
  std::size_t done = 0;
  while (done < count * 8) {
    const ssize_t n = ::pread(fd, reinterpret_cast<char*>(words.data()) + done, count * 8 - done,
                              static_cast<off_t>(first * 8 + done));
    if (n < 0) return fail(io_failure(name));
    if (n == 0) break;  // past the last frame: no flags
    done += static_cast<std::size_t>(n);
  }
  return words;
}

class FrameFlags {
 public:
  [[nodiscard]] static Result<FrameFlags, Diagnostic> open() {
    UniqueFd fd(::open("/proc/kpageflags", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return fail(io_failure("/proc/kpageflags"));
    return FrameFlags(std::move(fd));
  }

  // Fills in what the frame's flags say: anon, zero, and the folio around it.
  [[nodiscard]] Result<void, Diagnostic> describe(PageView& page) {
    const std::uint64_t pfn = page.pfn.raw();
    const std::uint64_t base = pfn & ~(kWindow - 1);
    if (!windows_.contains(base)) {
      windows_[base] = QUIRE_TRY(read_words(fd_.get(), "/proc/kpageflags", base, kWindow));
    }
    const std::vector<std::uint64_t>& flags = windows_[base];
    std::uint64_t head = pfn - base;
    while (head > 0 && (flags[head] & kTail) != 0) --head;
    std::uint64_t end = head + 1;
    while (end < kWindow && (flags[end] & kTail) != 0) ++end;
    const bool large = (flags[head] & kHead) != 0;
    page.head = Pfn(base + head);
    page.order = large ? Order(static_cast<unsigned>(std::bit_width(end - head) - 1)) : kOrder0;
    page.anon = (flags[head] & kAnon) != 0;
    page.zero = (flags[pfn - base] & kZeroPage) != 0 || (flags[head] & kZeroPage) != 0;
    return {};
  }

 private:
  explicit FrameFlags(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> windows_;  // by first frame
};

Result<void, Diagnostic> mark_pmd_mapped(int pagemap, const std::string& name, VirtRange range,
                                         std::span<PageView> pages) {
  std::array<PageRegion, 64> regions;
  PmScanArg arg{};
  arg.size = sizeof arg;
  arg.start = range.begin.raw();
  arg.end = range.end.raw();
  arg.vec = reinterpret_cast<std::uint64_t>(regions.data());
  arg.vec_len = regions.size();
  arg.category_mask = kPageIsHuge;
  arg.return_mask = kPageIsHuge;
  while (arg.start < arg.end) {
    const int n = ::ioctl(pagemap, kPagemapScan, &arg);
    if (n < 0) return fail(io_failure(name + " (PAGEMAP_SCAN)"));
    for (const PageRegion& region : std::span(regions).first(static_cast<std::size_t>(n))) {
      const std::uint64_t first = (region.start - range.begin.raw()) >> kPageShift;
      const std::uint64_t count = (region.end - region.start) >> kPageShift;
      for (PageView& page : pages.subspan(first, count)) page.pmd_mapped = true;
    }
    arg.start = arg.walk_end;
  }
  return {};
}

Result<PageView, Diagnostic> view_of(std::uint64_t word, FrameFlags& flags, const std::string& name) {
  PageView page;
  page.present = (word & kPresent) != 0;
  page.guard_region = (word & kGuardRegion) != 0;
  page.swapped = (word & kSwapped) != 0 && !page.guard_region;
  if (!page.present) return page;
  page.exclusive = (word & kExclusive) != 0;
  if ((word & kFrame) == 0) {
    return fail(failure(Diagnostic::Kind::kPrivilege, name, "frame numbers are hidden: needs CAP_SYS_ADMIN"));
  }
  page.pfn = Pfn(word & kFrame);
  QUIRE_TRY(flags.describe(page));
  page.anon = page.anon && (word & kFileOrShmem) == 0;
  return page;
}

}  // namespace

Result<std::vector<PageView>, Diagnostic> read_layout(pid_t pid, VirtRange range) {
  const std::string name = fmt::format("/proc/{}/pagemap", pid);
  if (!range.begin.aligned() || !range.end.aligned() || range.begin > range.end) {
    return fail(failure(Diagnostic::Kind::kUsage, name, "the range is not made of whole pages"));
  }
  const UniqueFd pagemap(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!pagemap.valid()) return fail(io_failure(name));
  FrameFlags flags = QUIRE_TRY(FrameFlags::open());
  const auto words = QUIRE_TRY(read_words(pagemap.get(), name, range.begin.page_number(),
                                          pages_between(range.begin, range.end).raw()));
  std::vector<PageView> pages;
  pages.reserve(words.size());
  for (const std::uint64_t word : words) pages.push_back(QUIRE_TRY(view_of(word, flags, name)));
  QUIRE_TRY(mark_pmd_mapped(pagemap.get(), name, range, pages));
  return pages;
}

}  // namespace quire::live
