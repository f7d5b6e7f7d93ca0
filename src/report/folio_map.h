// report/folio_map.h - the folios of processes, as text in the shape of the
// kernel's thpmaps and as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "live/folio_map.h"

namespace quire::report {

struct FolioMapShape {
  OrderSet blocks;  // those that were counted
  enum class Empty : std::uint8_t { kHide, kShow } empty = Empty::kHide;
};

// What the lines of mapping_text() stand below.
[[nodiscard]] std::string folio_map_heading();
// The mapping in one line, then a line for each size. Names are escaped.
[[nodiscard]] std::string mapping_text(pid_t pid, const live::MappingFolios& mapping,
                                       const FolioMapShape& shape);

// Any number of mappings taken together.
struct Rollup {
  live::FolioCounts counts;
  std::vector<std::pair<std::string, ByteCount>> smaps;
  void add(const live::MappingFolios& mapping);
};
[[nodiscard]] std::string rollup_text(const Rollup& rollup, const FolioMapShape& shape);

[[nodiscard]] nlohmann::ordered_json rollup_json(const Rollup& rollup, const FolioMapShape& shape);
// {pid, name, mappings}
[[nodiscard]] nlohmann::ordered_json process_json(const live::ProcessFolios& process,
                                                  const FolioMapShape& shape);

}  // namespace quire::report
