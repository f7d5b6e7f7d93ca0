// trace/header_json.h - the JSON inside the header, summary and gate chunks.
#pragma once

#include <string>
#include <string_view>

#include "quire/result.h"
#include "trace/header.h"

namespace quire::trace {

[[nodiscard]] std::string encode_header(const Header& header);
[[nodiscard]] std::string encode_summary(const Summary& summary);  // without the gate
[[nodiscard]] std::string encode_gate(const Gate& gate);

// On failure: what is wrong, without the place.
[[nodiscard]] Result<Header, std::string> decode_header(std::string_view json);
[[nodiscard]] Result<Summary, std::string> decode_summary(std::string_view json);
[[nodiscard]] Result<Gate, std::string> decode_gate(std::string_view json);

}  // namespace quire::trace
