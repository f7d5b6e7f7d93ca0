#include "live/folio_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "live/file_ops.h"

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

// What failed, failed because there is nothing to read any more.
bool is_gone(const Diagnostic& why, pid_t pid) {
  if (why.kind != Diagnostic::Kind::kFailure) return false;
  const auto mappings = read_mappings(pid, MappingsFile::kMaps);
  return !mappings || mappings->empty();
}

// Ended, but its parent has not asked how. "12 (name) Z ...": a name can have
// parentheses.
bool is_zombie(pid_t pid) {
  const std::string stat = real_file_ops().read(fmt::format("/proc/{}/stat", pid)).value_or("");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.substr(name_end).starts_with(") Z");
}

std::string name_of(pid_t pid) {
  std::string name = real_file_ops().read(fmt::format("/proc/{}/comm", pid)).value_or("");
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

}  // namespace

Result<FolioMapper, Diagnostic> FolioMapper::open(FolioMapOptions options) {
  LayoutReader reader = QUIRE_TRY(LayoutReader::open());
  return FolioMapper(std::move(reader), options);
}

Result<FolioCounts, Diagnostic> FolioMapper::count(const Pagemap& pagemap, VirtRange range) {
  FolioCounter counter(options_.blocks);
  for (const VirtRange& window : windows_of(QUIRE_TRY(pagemap.scan(range, Pagemap::Pages::kPresent)))) {
    VirtAddr at = window.begin;
    for (const PageView& page : QUIRE_TRY(reader_.read(pagemap, window, LayoutReader::Detail::kFolios))) {
      counter.add(at, page);
      at += PageCount(1);
    }
  }
  return counter.finish();
}

Result<std::optional<ProcessFolios>, Diagnostic> FolioMapper::read(pid_t pid) {
  // Opened first: should the process go on to another program before its mappings are
  // read, this one is found dead at the end.
  const auto pagemap = Pagemap::open(pid);
  std::vector<Mapping> mappings = QUIRE_TRY(read_mappings(pid, options_.file));
  ProcessFolios process{pid, name_of(pid), {}};
  if (mappings.empty() && is_zombie(pid)) return std::nullopt;
  if (mappings.empty()) return process;
  if (!pagemap) return fail(pagemap.error());
  const VirtAddr mapped = mappings.front().range.begin;
  for (Mapping& mapping : mappings) {
    const FolioCounts counts =
        in_user_half(mapping) ? QUIRE_TRY(count(*pagemap, mapping.range)) : FolioCounts{};
    process.mappings.push_back({std::move(mapping), counts});
  }
  if (!pagemap->alive(mapped)) return std::nullopt;
  return process;
}

Result<std::optional<ProcessFolios>, Diagnostic> FolioMapper::map(pid_t pid) {
  reader_.forget();
  auto process = read(pid);
  if (!process && is_gone(process.error(), pid)) return std::nullopt;
  return process;
}

}  // namespace quire::live
