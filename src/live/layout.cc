#include "live/layout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <unordered_map>

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

Diagnostic failure(Diagnostic::Kind kind, std::string where, std::string what) {
  return {kind, std::move(where), std::move(what), ""};
}

Diagnostic io_failure(const std::string& where) {
  const std::errc error = last_errc();
  const bool denied = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return failure(denied ? Diagnostic::Kind::kPrivilege : Diagnostic::Kind::kFailure, where,
                 message_of(error));
}

// Words that lie beyond the last frame stay zero.
Result<void, Diagnostic> read_words(int fd, const std::string& name, std::uint64_t first,
                                    std::span<std::uint64_t> words) {
  std::size_t done = 0;
  while (done < words.size_bytes()) {
    const ssize_t n = ::pread(fd, reinterpret_cast<char*>(words.data()) + done, words.size_bytes() - done,
                              static_cast<off_t>(first * 8 + done));
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

constexpr const char* kFlagsFile = "/proc/kpageflags";
constexpr const char* kCountsFile = "/proc/kpagecount";

// Frames are read so many at a time: few folios are smaller and alone.
constexpr std::uint64_t kChunk = 16;

using Words = std::array<std::uint64_t, kChunk>;

// One of the files that have a word for each frame.
class FrameFile {
 public:
  FrameFile(UniqueFd fd, const char* name) : fd_(std::move(fd)), name_(name) {}

  void forget() { chunks_.clear(); }

  [[nodiscard]] Result<std::uint64_t, Diagnostic> word_of(std::uint64_t pfn) {
    auto found = chunks_.find(pfn / kChunk);
    if (found == chunks_.end()) {
      QUIRE_TRY(read({pfn / kChunk, 1}));
      found = chunks_.find(pfn / kChunk);
    }
    return found->second[pfn % kChunk];
  }

  struct ChunkRange {
    std::uint64_t first = 0, count = 0;
  };
  // Reads those chunks at once, should the first not be known.
  [[nodiscard]] Result<void, Diagnostic> read(ChunkRange range) {
    if (range.count == 0 || chunks_.contains(range.first)) return {};
    buffer_.assign(range.count * kChunk, 0);
    QUIRE_TRY(read_words(fd_.get(), name_, range.first * kChunk, buffer_));
    for (std::uint64_t i = 0; i < range.count; ++i)
      std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(i * kChunk), kChunk,
                  chunks_[range.first + i].begin());
    return {};
  }

 private:
  UniqueFd fd_;
  const char* name_;
  std::unordered_map<std::uint64_t, Words> chunks_;  // by frame number / kChunk
  std::vector<std::uint64_t> buffer_;
};

}  // namespace

class LayoutReader::Frames {
 public:
  Frames(UniqueFd flags, UniqueFd counts)
      : flags_(std::move(flags), kFlagsFile), counts_(std::move(counts), kCountsFile) {}

  void forget() {
    flags_.forget();
    counts_.forget();
    folio_ = {};
  }

  // Reads what these pages will need, frames that lie in a row at once.
  [[nodiscard]] Result<void, Diagnostic> prepare(std::span<const PageView> pages) {
    FrameFile::ChunkRange row;
    for (const PageView& page : pages) {
      if (!page.present) continue;
      const std::uint64_t chunk = page.pfn.raw() / kChunk;
      if (row.count != 0 && row.first <= chunk && chunk < row.first + row.count) continue;
      if (row.count != 0 && chunk == row.first + row.count) {
        ++row.count;
        continue;
      }
      QUIRE_TRY(read(row));
      row = {chunk, 1};
    }
    return read(row);
  }

  // Fills in what the frame's flags say: anon, zero, and the folio around it.
  [[nodiscard]] Result<void, Diagnostic> describe(PageView& page) {
    const std::uint64_t pfn = page.pfn.raw();
    const std::uint64_t flags = QUIRE_TRY(flags_.word_of(pfn));
    const Folio folio = QUIRE_TRY(folio_round(pfn, flags));
    const std::uint64_t head_flags = QUIRE_TRY(flags_.word_of(folio.head));
    page.head = Pfn(folio.head);
    page.order = folio.order;
    page.anon = (head_flags & kAnon) != 0;
    page.zero = ((flags | head_flags) & kZeroPage) != 0;
    if (!page.zero) page.mapcount = static_cast<std::uint32_t>(QUIRE_TRY(counts_.word_of(pfn)));
    return {};
  }

 private:
  struct Folio {
    std::uint64_t head = ~0ULL;
    Order order;
    [[nodiscard]] bool contains(std::uint64_t pfn) const {
      return head <= pfn && pfn < head + order.pages().raw();
    }
  };

  Result<void, Diagnostic> read(FrameFile::ChunkRange row) {
    QUIRE_TRY(flags_.read(row));
    return counts_.read(row);
  }
  Result<bool, Diagnostic> is_tail(std::uint64_t pfn) {
    return (QUIRE_TRY(flags_.word_of(pfn)) & kTail) != 0;
  }

  // A folio of 2^n frames begins at a multiple of 2^n: its head is one of a few,
  // and so is the first frame behind it.
  Result<Folio, Diagnostic> folio_round(std::uint64_t pfn, std::uint64_t flags) {
    if ((flags & (kHead | kTail)) == 0) return Folio{pfn, kOrder0};
    if (folio_.contains(pfn)) return folio_;
    Folio folio{pfn, Order(1)};
    for (unsigned n = 1; n <= kPmdOrder && QUIRE_TRY(is_tail(folio.head)); ++n)
      folio.head = pfn & ~(Order(n).pages().raw() - 1);
    while (folio.order < kOrderPmd && QUIRE_TRY(is_tail(folio.head + folio.order.pages().raw())))
      folio.order = Order(folio.order.raw() + 1);
    folio_ = folio;
    return folio;
  }

  FrameFile flags_, counts_;
  Folio folio_;  // looked at last
};

LayoutReader::LayoutReader(std::unique_ptr<Frames> frames) : frames_(std::move(frames)) {}
LayoutReader::LayoutReader(LayoutReader&&) noexcept = default;
LayoutReader& LayoutReader::operator=(LayoutReader&&) noexcept = default;
LayoutReader::~LayoutReader() = default;

Result<LayoutReader, Diagnostic> LayoutReader::open() {
  UniqueFd flags = QUIRE_TRY(open_to_read(kFlagsFile));
  UniqueFd counts = QUIRE_TRY(open_to_read(kCountsFile));
  return LayoutReader(std::make_unique<Frames>(std::move(flags), std::move(counts)));
}

void LayoutReader::forget() { frames_->forget(); }

namespace {

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

// What the word alone says.
Result<PageView, Diagnostic> view_of(std::uint64_t word, const std::string& name) {
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
  return page;
}

}  // namespace

Result<std::vector<PageView>, Diagnostic> LayoutReader::read(pid_t pid, VirtRange range) {
  const std::string name = fmt::format("/proc/{}/pagemap", pid);
  if (!range.begin.aligned() || !range.end.aligned() || range.begin > range.end) {
    return fail(failure(Diagnostic::Kind::kUsage, name, "the range is not made of whole pages"));
  }
  const UniqueFd pagemap = QUIRE_TRY(open_to_read(name));
  std::vector<std::uint64_t> words(pages_between(range.begin, range.end).raw());
  QUIRE_TRY(read_words(pagemap.get(), name, range.begin.page_number(), words));
  std::vector<PageView> pages;
  pages.reserve(words.size());
  for (const std::uint64_t word : words) pages.push_back(QUIRE_TRY(view_of(word, name)));
  QUIRE_TRY(frames_->prepare(pages));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (!pages[i].present) continue;
    QUIRE_TRY(frames_->describe(pages[i]));
    pages[i].anon = pages[i].anon && (words[i] & kFileOrShmem) == 0;
  }
  QUIRE_TRY(mark_pmd_mapped(pagemap.get(), name, range, pages));
  return pages;
}

Result<std::vector<PageView>, Diagnostic> read_layout(pid_t pid, VirtRange range) {
  LayoutReader reader = QUIRE_TRY(LayoutReader::open());
  return reader.read(pid, range);
}

}  // namespace quire::live
