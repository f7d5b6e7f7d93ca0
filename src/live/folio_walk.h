// live/folio_walk.h - the folios of one running process, looked at in short
// steps, so that whoever looks can stop in between and go on later.
//
// The process runs on: each page is what it was when it was looked at.
#pragma once

#include <sys/types.h>

#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "live/folio_counts.h"
#include "live/layout.h"
#include "live/mappings.h"

namespace quire::live {

struct MappingFolios {
  Mapping mapping;
  FolioCounts counts;
};

struct FolioMapOptions {
  OrderSet blocks;  // see FolioCounts
  MappingsFile file = MappingsFile::kMaps;
  // Whether FolioWalk::stranded() is wanted: a look at each page of each partial
  // folio.
  enum class Stranded : std::uint8_t { kSkip, kCount } stranded = Stranded::kSkip;
};

// Walks the mappings in address order.
//
// Owns        : the pagemap of the address space that the process had at begin()
// Complexity  : a step looks at 64 MiB at most, or at one mapping
class FolioWalk {
 public:
  // Nothing is looked at yet. kPrivilege for somebody else's process; kFailure
  // when there is none.
  [[nodiscard]] static Result<FolioWalk, Diagnostic> begin(pid_t pid, FolioMapOptions options);

  enum class State : std::uint8_t { kMore, kDone, kGone };
  // kGone: the process has ended, or runs another program by now.
  [[nodiscard]] Result<State, Diagnostic> step(LayoutReader& reader);

  // The mappings that were finished since the last call.
  [[nodiscard]] std::vector<MappingFolios> take() { return std::exchange(finished_, {}); }
  // So far: pages of anonymous folios that this process maps in part, and that
  // nobody maps.
  [[nodiscard]] PageCount stranded() const { return stranded_; }
  // No mapping at all: a thread of the kernel, or a process that has ended.
  [[nodiscard]] bool empty() const { return mappings_.empty(); }

 private:
  FolioWalk(std::optional<Pagemap> pagemap, std::vector<Mapping> mappings, FolioMapOptions options);
  void enter_mapping();
  void leave_mapping();
  [[nodiscard]] Result<void, Diagnostic> look(LayoutReader& reader);
  [[nodiscard]] Result<void, Diagnostic> count_stranded(LayoutReader& reader);

  std::optional<Pagemap> pagemap_;  // of an empty walk none
  std::vector<Mapping> mappings_;
  FolioMapOptions options_;
  VirtAddr first_;      // an address of the first mapping
  std::size_t at_ = 0;  // the mapping that is being looked at
  VirtRange rest_;      // what is left of it
  FolioCounter counter_;
  std::vector<MappingFolios> finished_;
  PageCount stranded_;
  std::vector<PartialFolio> partial_;                // met in this step
  std::unordered_set<std::uint64_t> known_partial_;  // heads, by frame number
};

}  // namespace quire::live
