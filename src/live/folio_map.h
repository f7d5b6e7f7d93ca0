// live/folio_map.h - the folios of running processes, mapping by mapping.
//
// Looks at a process that runs on: each page is what it was when it was looked
// at, and folios may be made and split between two pages.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "live/folio_walk.h"

namespace quire::live {

struct ProcessFolios {
  pid_t pid = 0;
  std::string name;  // as the process chose it: escape it
  std::vector<MappingFolios> mappings;
};

// Refers to nothing; holds /proc/kpageflags open.
class FolioMapper {
 public:
  // kPrivilege without the right to see frames.
  [[nodiscard]] static Result<FolioMapper, Diagnostic> open(FolioMapOptions options);

  // No mappings for a kernel thread. Nothing when there is no such process, or it
  // has ended before all was read. kPrivilege as above.
  [[nodiscard]] Result<std::optional<ProcessFolios>, Diagnostic> map(pid_t pid);

 private:
  FolioMapper(LayoutReader reader, FolioMapOptions options) : reader_(std::move(reader)), options_(options) {}
  [[nodiscard]] Result<std::optional<ProcessFolios>, Diagnostic> read(pid_t pid);

  LayoutReader reader_;
  FolioMapOptions options_;
};

}  // namespace quire::live
