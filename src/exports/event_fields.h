// exports/event_fields.h - an event of a recording as named fields.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "record/scrub.h"
#include "trace/event.h"

namespace quire::exports {

// {"time_us", "kind", "task", "mm", ...}: the arguments by their names, names
// escaped, and hashed by an active scrubber; so are device and inode left out.
// docs/reference/export.md explains each.
[[nodiscard]] nlohmann::ordered_json event_json(const trace::Event& event, const record::Scrubber& scrubber);

// "read", "write", "execute", "unknown"
[[nodiscard]] const char* access_name(const trace::Event& touch);

// A name from a recording, ready for others.
[[nodiscard]] std::string shown_name(std::string_view name, const record::Scrubber& scrubber);

}  // namespace quire::exports
