// report/document.h - what every JSON answer of the program begins with.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "trace/reader.h"

namespace quire::report {

// Raised when a field changes its meaning or goes; new fields do not raise it.
inline constexpr int kSchemaVersion = 1;

[[nodiscard]] std::string_view tool_version();

// {schema_version, tool_version, host}
[[nodiscard]] nlohmann::ordered_json new_document();

// {path, content_hash, header, summary} of a recording.
[[nodiscard]] nlohmann::ordered_json input_json(const std::string& path, const trace::Reader& reader);

// 64 bits as 16 hexadecimal digits: JSON numbers cannot hold them.
[[nodiscard]] std::string hash_text(std::uint64_t hash);

// Sentences that may quote a recording, escaped.
[[nodiscard]] nlohmann::ordered_json texts_json(const std::vector<std::string>& texts);

// Indented text with a newline at its end. Bytes that are not UTF-8 cannot
// make it fail.
[[nodiscard]] std::string to_text(const nlohmann::ordered_json& document);

}  // namespace quire::report
