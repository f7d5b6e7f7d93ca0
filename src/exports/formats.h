// exports/formats.h - one function a format and a kind of input; each in a file
// of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cost/profile.h"
#include "exports/output.h"
#include "exports/results.h"
#include "lab/replay.h"
#include "quire/result.h"
#include "record/scrub.h"
#include "trace/reader.h"

namespace quire::exports {

// JSON Lines: an object an event; an object a row.
[[nodiscard]] Result<void, Diagnostic> events_jsonl(trace::Reader& reader, const record::Scrubber& scrubber,
                                                    Output& out);
void results_jsonl(const Results& results, Output& out);

// CSV as RFC 4180 has it, with a line of names: a line an event; a line a row.
[[nodiscard]] Result<void, Diagnostic> events_csv(trace::Reader& reader, const record::Scrubber& scrubber,
                                                  Output& out);
void results_csv(const Results& results, Output& out);

// Tables that are aligned text and Markdown at once, 78 columns wide.
void results_markdown(const Results& results, Output& out);

// OpenMetrics 1.0.0.
void results_openmetrics(const Results& results, Output& out);

// Perfetto's TrackEvent: the recording, replayed under a policy. Slices last as
// long as the profile prices them.
[[nodiscard]] Result<void, Diagnostic> recording_perfetto(trace::Reader& reader,
                                                          const lab::ReplayOptions& options,
                                                          const record::Scrubber& scrubber, Output& out);

}  // namespace quire::exports
