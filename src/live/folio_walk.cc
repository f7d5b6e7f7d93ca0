#include "live/folio_walk.h"

#include <algorithm>

namespace quire::live {

namespace {

// Pages are looked at so many at a time, which bounds the memory it takes.
constexpr PageCount kWindow(1ULL << 14);
// Holes up to this size are read over: a page that is not there costs less than
// another system call.
constexpr PageCount kBridgedHole(32);

// vsyscall lies in the kernel's half, where pagemap has no words.
bool in_user_half(const Mapping& mapping) { return (mapping.range.begin.raw() >> 63) == 0; }

// The present parts of a mapping, in pieces that are worth a read of their own.
std::vector<VirtRange> windows_of(const std::vector<VirtRange>& present) {
  std::vector<VirtRange> windows;
  for (VirtRange rest : present) {
    if (!windows.empty() && pages_between(windows.back().end, rest.begin) <= kBridgedHole &&
        pages_between(windows.back().begin, rest.end) <= kWindow) {
      windows.back().end = rest.end;
      continue;
    }
    for (; !rest.empty(); rest.begin = windows.back().end)
      windows.push_back({rest.begin, std::min(rest.end, rest.begin + kWindow)});
  }
  return windows;
}

}  // namespace

FolioWalk::FolioWalk(std::optional<Pagemap> pagemap, std::vector<Mapping> mappings, FolioMapOptions options)
    : pagemap_(std::move(pagemap)),
      mappings_(std::move(mappings)),
      options_(options),
      counter_(options.blocks) {
  if (mappings_.empty()) return;
  first_ = mappings_.front().range.begin;
  enter_mapping();
}

Result<FolioWalk, Diagnostic> FolioWalk::begin(pid_t pid, FolioMapOptions options) {
  // Opened first: should the process go on to another program before its mappings are
  // read, this one is found dead at the end.
  auto pagemap = Pagemap::open(pid);
  std::vector<Mapping> mappings = QUIRE_TRY(read_mappings(pid, options.file));
  if (mappings.empty()) return FolioWalk(std::nullopt, {}, options);
  if (!pagemap) return fail(pagemap.error());
  return FolioWalk(std::move(*pagemap), std::move(mappings), options);
}

void FolioWalk::enter_mapping() {
  counter_ = FolioCounter(options_.blocks);
  rest_ = in_user_half(mappings_[at_]) ? mappings_[at_].range : VirtRange{};
}

void FolioWalk::leave_mapping() {
  finished_.push_back({std::move(mappings_[at_]), counter_.finish()});
  const std::vector<PartialFolio> last = counter_.take_partial();
  partial_.insert(partial_.end(), last.begin(), last.end());
  if (++at_ < mappings_.size()) enter_mapping();
}

Result<FolioWalk::State, Diagnostic> FolioWalk::step(LayoutReader& reader) {
  if (mappings_.empty()) return State::kDone;
  if (at_ == mappings_.size()) return pagemap_->alive(first_) ? State::kDone : State::kGone;
  if (!rest_.empty()) QUIRE_TRY(look(reader));
  if (rest_.empty()) leave_mapping();
  if (options_.stranded == FolioMapOptions::Stranded::kCount) QUIRE_TRY(count_stranded(reader));
  partial_.clear();
  return State::kMore;
}

Result<void, Diagnostic> FolioWalk::look(LayoutReader& reader) {
  const Pagemap::Scanned scanned = QUIRE_TRY(pagemap_->scan_some(rest_, Pagemap::Pages::kPresent, kWindow));
  for (const VirtRange& window : windows_of(scanned.found)) {
    VirtAddr at = window.begin;
    for (const PageView& page : QUIRE_TRY(reader.read(*pagemap_, window, LayoutReader::Detail::kFolios))) {
      counter_.add(at, page);
      at += PageCount(1);
    }
  }
  rest_.begin = scanned.end;
  partial_ = counter_.take_partial();
  return {};
}

Result<void, Diagnostic> FolioWalk::count_stranded(LayoutReader& reader) {
  for (const PartialFolio& folio : partial_) {
    if (known_partial_.insert(folio.head.raw()).second)
      stranded_ += QUIRE_TRY(reader.unmapped_pages(folio.head, folio.order));
  }
  return {};
}

}  // namespace quire::live
