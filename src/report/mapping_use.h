// report/mapping_use.h - what mappings made of their memory, for people and
// programs: docs/reference/not-huge.md.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "lab/mapping_use.h"

namespace quire::report {

// The mappings with the most memory, one a row, under each of them why it is not
// in folios of the largest size; and a line for the rest. At most 78 columns.
[[nodiscard]] std::string mapping_use_text(const lab::MemoryUse& use, std::string_view policy);

// Of every mapping. Names are escaped.
[[nodiscard]] nlohmann::ordered_json mapping_use_json(const lab::MemoryUse& use);

}  // namespace quire::report
