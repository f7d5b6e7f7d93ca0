#include "live/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>

#include "live/frame_file.h"

namespace quire::live {

namespace {

// Words of /proc/<pid>/pagemap.
constexpr std::uint64_t kPresent = 1ULL << 63;
constexpr std::uint64_t kSwapped = 1ULL << 62;
constexpr std::uint64_t kFileOrShmem = 1ULL << 61;
constexpr std::uint64_t kGuardRegion = 1ULL << 58;  // shown with kSwapped
constexpr std::uint64_t kExclusive = 1ULL << 56;
constexpr std::uint64_t kFrame = (1ULL << 55) - 1;  // of a swapped page its slot, above:
constexpr unsigned kDeviceBits = 5;                 // the number of its device

// What is kept of the words of /proc/kpageflags: the bits above, moved down.
enum FrameFlag : std::uint8_t {
  kAnon = 1,
  kHead = 2,
  kTail = 4,
  kHugetlb = 8,
  kZeroPage = 16,
  kNoPage = 32,
  kSwapCache = 64
};

std::uint8_t flags_of(std::uint64_t word) {
  const auto bit = [word](unsigned n, FrameFlag flag) { return (word >> n & 1) != 0 ? flag : 0; };
  return static_cast<std::uint8_t>(bit(12, kAnon) | bit(13, kSwapCache) | bit(15, kHead) | bit(16, kTail) |
                                   bit(17, kHugetlb) | bit(24, kZeroPage) | bit(20, kNoPage));
}

std::uint32_t count_of(std::uint64_t word) { return static_cast<std::uint32_t>(word); }

constexpr const char* kFlagsFile = "/proc/kpageflags";
constexpr const char* kCountsFile = "/proc/kpagecount";

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

  // Fills in what the frame's flags say: anon, zero, and the folio around it.
  [[nodiscard]] Result<void, Diagnostic> describe(PageView& page) {
    const std::uint64_t pfn = page.pfn.raw();
    if (!folio_.contains(pfn)) QUIRE_TRY(look_at(page));
    page.head = Pfn(folio_.head);
    page.order = folio_.order;
    page.anon = (folio_.flags & kAnon) != 0;
    page.zero = (folio_.flags & kZeroPage) != 0;
    page.swapcache = (folio_.flags & kSwapCache) != 0;
    page.hugetlb = (folio_.flags & kHugetlb) != 0;
    page.special = (folio_.flags & kNoPage) != 0;
    return {};
  }
  [[nodiscard]] Result<void, Diagnostic> count(PageView& page) {
    if (!page.zero && !page.special) page.mapcount = QUIRE_TRY(counts_.of(page.pfn.raw()));
    return {};
  }
  [[nodiscard]] Result<PageCount, Diagnostic> unmapped_pages(Pfn head, Order order) {
    PageCount unmapped;
    for (std::uint64_t i = 0; i < order.pages().raw(); ++i)
      if (QUIRE_TRY(counts_.of(head.raw() + i)) == 0) unmapped += PageCount(1);
    return unmapped;
  }

 private:
  struct Folio {
    std::uint64_t head = std::numeric_limits<std::uint64_t>::max() / 2;
    Order order;
    std::uint8_t flags = 0;  // of the head
    [[nodiscard]] bool contains(std::uint64_t pfn) const {
      return head <= pfn && pfn < head + order.pages().raw();
    }
  };

  Result<bool, Diagnostic> is_tail(std::uint64_t pfn) { return (QUIRE_TRY(flags_.of(pfn)) & kTail) != 0; }

  Result<void, Diagnostic> look_at(const PageView& page) {
    const std::uint64_t pfn = page.pfn.raw();
    if (page.pmd_mapped && QUIRE_TRY(take_pmd_folio(pfn))) return {};
    const std::uint8_t flags = QUIRE_TRY(flags_.of(pfn));
    const bool single = (flags & (kHead | kTail)) == 0 || (flags & kHugetlb) != 0;
    folio_ = single ? Folio{pfn, kOrder0, flags} : QUIRE_TRY(folio_round(pfn));
    return {};
  }

  // One entry maps a whole folio: its head says all, the other frames need not be read.
  Result<bool, Diagnostic> take_pmd_folio(std::uint64_t pfn) {
    const std::uint64_t head = pfn & ~(kOrderPmd.pages().raw() - 1);
    const std::uint8_t flags = QUIRE_TRY(flags_.of(head));
    if ((flags & kHead) == 0 || (flags & kHugetlb) != 0) return false;
    folio_ = {head, kOrderPmd, flags};
    return true;
  }

  // A folio of 2^n frames begins at a multiple of 2^n: its head is one of a few,
  // and so is the first frame behind it.
  Result<Folio, Diagnostic> folio_round(std::uint64_t pfn) {
    Folio folio{pfn, Order(1)};
    for (unsigned n = 1; n <= kPmdOrder && QUIRE_TRY(is_tail(folio.head)); ++n)
      folio.head = pfn & ~(Order(n).pages().raw() - 1);
    while (folio.order < kOrderPmd && QUIRE_TRY(is_tail(folio.head + folio.order.pages().raw())))
      folio.order = Order(folio.order.raw() + 1);
    folio.flags = QUIRE_TRY(flags_.of(folio.head));
    return folio;
  }

  FrameFile<std::uint8_t, flags_of> flags_;
  FrameFile<std::uint32_t, count_of> counts_;
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

Diagnostic failure(Diagnostic::Kind kind, const std::string& where, std::string what, std::string hint = "") {
  return {kind, where, std::move(what), std::move(hint)};
}

Result<void, Diagnostic> mark_pmd_mapped(const Pagemap& pagemap, VirtRange range, std::span<PageView> pages) {
  for (const VirtRange& huge : QUIRE_TRY(pagemap.scan(range, Pagemap::Pages::kPmdMapped))) {
    const std::uint64_t first = pages_between(range.begin, huge.begin).raw();
    for (PageView& page : pages.subspan(first, pages_between(huge.begin, huge.end).raw()))
      page.pmd_mapped = true;
  }
  return {};
}

// What the word alone says.
Result<PageView, Diagnostic> view_of(std::uint64_t word, const std::string& name) {
  PageView page;
  page.present = (word & kPresent) != 0;
  page.guard_region = (word & kGuardRegion) != 0;
  page.swapped = (word & kSwapped) != 0 && !page.guard_region;
  if (page.swapped)
    page.swap = {static_cast<std::uint8_t>(word & ((1U << kDeviceBits) - 1)), (word & kFrame) >> kDeviceBits};
  if (!page.present) return page;
  page.exclusive = (word & kExclusive) != 0;
  const std::uint64_t frame = word & kFrame;
  if (frame == 0) {
    return fail(
        failure(Diagnostic::Kind::kPrivilege, name, "frame numbers are hidden", "needs CAP_SYS_ADMIN"));
  }
  // Memory of devices can lie beyond the frames that Pfn can name.
  page.special = frame >= Pfn::invalid().raw();
  if (!page.special) page.pfn = Pfn(frame);
  return page;
}

}  // namespace

Result<std::vector<PageView>, Diagnostic> LayoutReader::read(const Pagemap& pagemap, VirtRange range,
                                                             Detail detail) {
  if (!range.begin.aligned() || !range.end.aligned() || range.begin > range.end) {
    return fail(failure(Diagnostic::Kind::kUsage, pagemap.name(), "the range is not made of whole pages"));
  }
  std::vector<std::uint64_t> words(pages_between(range.begin, range.end).raw());
  QUIRE_TRY(pagemap.words(range.begin, words));
  std::vector<PageView> pages;
  pages.reserve(words.size());
  for (const std::uint64_t word : words) pages.push_back(QUIRE_TRY(view_of(word, pagemap.name())));
  QUIRE_TRY(mark_pmd_mapped(pagemap, range, pages));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (!pages[i].present || pages[i].special) continue;
    QUIRE_TRY(frames_->describe(pages[i]));
    pages[i].anon = pages[i].anon && (words[i] & kFileOrShmem) == 0;
    if (detail == Detail::kMapCounts) QUIRE_TRY(frames_->count(pages[i]));
  }
  return pages;
}

Result<PageCount, Diagnostic> LayoutReader::unmapped_pages(Pfn head, Order order) {
  return frames_->unmapped_pages(head, order);
}

Result<std::vector<PageView>, Diagnostic> LayoutReader::read(pid_t pid, VirtRange range) {
  const Pagemap pagemap = QUIRE_TRY(Pagemap::open(pid));
  return read(pagemap, range, Detail::kMapCounts);
}

Result<std::vector<PageView>, Diagnostic> read_layout(pid_t pid, VirtRange range) {
  LayoutReader reader = QUIRE_TRY(LayoutReader::open());
  return reader.read(pid, range);
}

}  // namespace quire::live
