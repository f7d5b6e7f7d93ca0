// cli/output_page.h - a page of ours, put in place at once.
#pragma once

#include <string>
#include <string_view>

#include "quire/result.h"

namespace quire::cli {

// The file is there as a whole, readable by its owner only, or as it was. A page of
// ours and an empty file are replaced; anything else is left alone: kFailure.
[[nodiscard]] Result<void, Diagnostic> write_page(const std::string& path, std::string_view page);

}  // namespace quire::cli
