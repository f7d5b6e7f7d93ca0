// report/html/page.h - RUNs put together as one page that needs nothing else, and
// as plain text.
#pragma once

#include <string>
#include <string_view>

#include "report/html/model.h"

namespace quire::report {

// The page: style, scripts and data inside, its contents allowed to run and to load
// nothing but these scripts. Equal RUNs give an equal page.
[[nodiscard]] std::string html_page(const Model& model);

// At most 78 columns, but for lines to paste.
[[nodiscard]] std::string plain_page(const Model& model);

// Whether a file that begins so is a page of ours, which may be replaced.
[[nodiscard]] bool is_report(std::string_view beginning);
inline constexpr std::size_t kMarkBytes = 256;  // within so many bytes from its beginning

}  // namespace quire::report
