#include "top/looks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/size.h"
#include "live/folio_walk.h"
#include "live/host.h"

namespace quire::top {
namespace {

// Through pagemap and kpageflags.
class FrameLook : public Look {
 public:
  FrameLook(live::FolioWalk walk, live::LayoutReader& reader) : walk_(std::move(walk)), reader_(reader) {}

  Result<State, Diagnostic> step() override {
    const auto state = QUIRE_TRY(walk_.step(reader_));
    for (const live::MappingFolios& mapping : walk_.take()) counts_ += mapping.counts;
    if (state == live::FolioWalk::State::kMore) return State::kMore;
    return state == live::FolioWalk::State::kDone ? State::kDone : State::kGone;
  }
  FolioSample result() override {
    return {.counts = counts_, .stranded = walk_.stranded(), .at = {}, .cost = {}};
  }

 private:
  live::FolioWalk walk_;
  live::LayoutReader& reader_;
  live::FolioCounts counts_;
};

ByteCount bytes_of(const live::Mapping& rollup, std::string_view name) {
  const auto found = std::ranges::find(rollup.smaps, name, &decltype(rollup.smaps)::value_type::first);
  return found == rollup.smaps.end() ? ByteCount() : found->second;
}

// Through /proc/<pid>/smaps_rollup: one step, which the kernel makes as long as
// it likes.
class SmapsLook : public Look {
 public:
  explicit SmapsLook(pid_t pid) : pid_(pid) {}

  Result<State, Diagnostic> step() override {
    const auto mappings = QUIRE_TRY(live::read_mappings(pid_, live::MappingsFile::kSmapsRollup));
    if (mappings.empty()) return State::kGone;
    const live::Mapping& rollup = mappings.front();
    const PageCount anon = PageCount::covering(bytes_of(rollup, "Anonymous"));
    const PageCount rss = PageCount::covering(bytes_of(rollup, "Rss"));
    counts_.anon.pmd = std::min(anon, PageCount::covering(bytes_of(rollup, "AnonHugePages")));
    counts_.anon.single = anon - counts_.anon.pmd;
    counts_.file.single = rss - std::min(rss, anon);
    return State::kDone;
  }
  FolioSample result() override {
    return {.counts = counts_, .stranded = std::nullopt, .at = {}, .cost = {}};
  }

 private:
  pid_t pid_;
  live::FolioCounts counts_;
};

// One step is enough to know.
Result<void, Diagnostic> try_frames(live::LayoutReader& reader) {
  live::FolioWalk walk = QUIRE_TRY(live::FolioWalk::begin(::getpid(), {}));
  QUIRE_TRY(walk.step(reader));
  return {};
}

std::string lost_by(const std::string& why) {
  return fmt::format("no page frames ({}): folio sizes below {} and waste are unknown; root sees them", why,
                     base::short_size(kOrderPmd.bytes()));
}

}  // namespace

Looks::Looks() {
  auto reader = live::LayoutReader::open();
  const auto tried = reader ? try_frames(*reader) : fail(reader.error());
  if (tried) {
    reader_ = std::move(*reader);
  } else {
    lost_ = lost_by(tried.error().what);
  }
}

Result<std::unique_ptr<Look>, Diagnostic> Looks::begin(pid_t pid) {
  if (!reader_) return std::make_unique<SmapsLook>(pid);
  live::FolioWalk walk = QUIRE_TRY(
      live::FolioWalk::begin(pid, {.blocks = {}, .stranded = live::FolioMapOptions::Stranded::kCount}));
  return std::make_unique<FrameLook>(std::move(walk), *reader_);
}

void Looks::forget() {
  if (reader_) reader_->forget();
}

}  // namespace quire::top
