// record/recorder.h - runs a program and writes down its memory events.
//
// The program is started under the recorder, with transparent huge pages
// switched off for it (so that each first touch is seen) and, by default,
// without address space randomisation (so that a later run is the same run).
// docs/architecture/recording.md tells the whole story.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "live/launch.h"
#include "quire/result.h"
#include "quire/types.h"
#include "trace/header.h"

namespace quire::record {

// What a recording gives away: with kYes the environment's values are replaced
// by as many 'x' (their lengths shape the stack) and file names by a hash.
enum class Scrub : std::uint8_t { kNo, kYes };

// Whether it is counted how well the memory of the processes compresses.
enum class Contents : std::uint8_t { kNo, kCount };

struct RecordOptions {
  std::string output;
  std::vector<std::string> command;
  Scrub scrub = Scrub::kNo;
  live::Aslr aslr = live::Aslr::kOff;              // kOff is what a replay can be compared with
  std::optional<trace::Tier> force_tier;           // for tests: use this tier or fail
  ByteCount ring_bytes = ByteCount(128ULL << 20);  // smaller ones are tried when refused
  std::string tool_version = "0.1.0";
  // Every so many milliseconds the accessed bits are looked at; 0: never.
  std::uint32_t hotness_ms = 0;
  Contents contents = Contents::kNo;
};

struct RecordOutcome {
  int wait_status = 0;  // of the target, as wait(2) gives it; 127 << 8 or 126 << 8 when it could not be run
  trace::Summary summary;
  trace::Tier tier = trace::Tier::kBpf;
  std::vector<std::string> notes;  // one sentence each, for the terminal
};

// Runs the command and records it. A command that cannot be run gives an
// outcome with status 126 or 127 and a note, and leaves no file. A Diagnostic
// says that nothing was run, or that the file could not be written.
//
// While it runs, SIGINT, SIGTERM, SIGHUP and SIGQUIT of this process go to the
// target; a second SIGINT ends the recording, not the target.
[[nodiscard]] Result<RecordOutcome, Diagnostic> record(const RecordOptions& options);

}  // namespace quire::record
