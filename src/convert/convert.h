// convert/convert.h - a text of another program as a recording.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "convert/importer.h"
#include "convert/line_source.h"
#include "quire/result.h"

namespace quire::convert {

enum class Lines : std::uint8_t {
  kAllMustFit,  // the first that does not fit ends it
  kSkipBad,     // those that do not fit are counted and left out
};

// How the lines went.
struct Tally {
  std::uint64_t lines = 0;
  std::uint64_t skipped = 0;
  std::string first_skipped;  // "FILE:LINE: what"; empty when none was
};

// Gives every line of `source` to `importer`. kDamagedInput for one that does
// not fit: "FILE:LINE".
[[nodiscard]] Result<Tally, Diagnostic> read_lines(LineSource& source, Importer& importer, Lines lines);

struct ConvertOptions {
  std::string input;             // "-": standard input
  std::string output;            // as trace::Writer makes it; untouched when conversion fails
  std::optional<Format> format;  // none: as the content shows
  Lines lines = Lines::kAllMustFit;
  record::Scrubber scrubber;
  std::string tool_version;
};

struct Converted {
  Format format{};
  Tally tally;
  trace::Header header;
  trace::Summary summary;
};

// Lines left out count as lost events, so that the gate does not pass.
[[nodiscard]] Result<Converted, Diagnostic> convert(const ConvertOptions& options);

}  // namespace quire::convert
