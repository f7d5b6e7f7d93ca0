// trace/recording_ends.h - everything of a recording but its events: header,
// summary, gate, and where and how the file stops.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quire/result.h"
#include "trace/chunk_walk.h"
#include "trace/contents.h"
#include "trace/file.h"
#include "trace/header.h"

namespace quire::trace {

struct RecordingEnds {
  Header header;
  std::optional<Summary> summary;
  std::vector<ContentsSample> contents;
  ChunkWalk first;  // the first chunk after the header
  ChunkWalk stop;   // after the last whole chunk
  std::uint64_t event_chunks = 0;
  std::uint64_t skipped_chunks = 0;  // of types a later version added
  std::uint64_t cut_bytes = 0;       // of a last chunk that is not whole
  std::optional<Diagnostic> damage;  // what is wrong at `stop`, when something is
};

// Goes from chunk header to chunk header; of the payloads only header,
// summary, gate and contents are read. Damage behind the header does not fail: it is
// noted, for the events before it are of use.
[[nodiscard]] Result<RecordingEnds, Diagnostic> read_ends(const ByteSource& source);

}  // namespace quire::trace
