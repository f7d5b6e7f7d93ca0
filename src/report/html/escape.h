// report/html/escape.h - text from files, made harmless for the place it goes to.
//
// Names of mappings and programs are chosen by whoever was recorded, and a RUN may
// come from anybody.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace quire::report {

// What moves a cursor, hides text or turns its direction, made visible; backslashes
// stay, since names in a RUN are escaped once already.
[[nodiscard]] std::string visible(std::string_view text);

// As it may stand between tags and in quoted attributes.
[[nodiscard]] std::string html_escape(std::string_view text);

// The same of several lines, which stay lines.
[[nodiscard]] std::string html_escape_lines(std::string_view text);

// Without a byte that could end a script element or begin a comment: ASCII only.
[[nodiscard]] std::string script_json(const nlohmann::ordered_json& data);

// One word as a shell takes it: a name from a file cannot add to a line that is pasted.
[[nodiscard]] std::string shell_word(std::string_view word);

// No longer than `most` characters, the last of them "…".
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

}  // namespace quire::report
