#include "live/folio_map.h"

#include "live/process_stat.h"

namespace quire::live {

namespace {

// What failed, failed because there is nothing to read any more.
bool is_gone(const Diagnostic& why, pid_t pid) {
  if (why.kind != Diagnostic::Kind::kFailure) return false;
  const auto mappings = read_mappings(pid, MappingsFile::kMaps);
  return !mappings || mappings->empty();
}

// Ended, but its parent has not asked how.
bool is_zombie(const std::optional<ProcessStat>& stat) { return stat && stat->state == 'Z'; }

}  // namespace

Result<FolioMapper, Diagnostic> FolioMapper::open(FolioMapOptions options) {
  LayoutReader reader = QUIRE_TRY(LayoutReader::open());
  return FolioMapper(std::move(reader), options);
}

Result<std::optional<ProcessFolios>, Diagnostic> FolioMapper::read(pid_t pid) {
  FolioWalk walk = QUIRE_TRY(FolioWalk::begin(pid, options_));
  const auto stat = read_process_stat(pid);
  ProcessFolios process{pid, stat ? stat->name : "", {}};
  if (walk.empty() && is_zombie(stat)) return std::nullopt;
  if (walk.empty()) return process;
  FolioWalk::State state = FolioWalk::State::kMore;
  while (state == FolioWalk::State::kMore) state = QUIRE_TRY(walk.step(reader_));
  if (state == FolioWalk::State::kGone) return std::nullopt;
  process.mappings = walk.take();
  return process;
}

Result<std::optional<ProcessFolios>, Diagnostic> FolioMapper::map(pid_t pid) {
  reader_.forget();
  auto process = read(pid);
  if (!process && is_gone(process.error(), pid)) return std::nullopt;
  return process;
}

}  // namespace quire::live
