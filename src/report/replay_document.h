// report/replay_document.h - the answer of `quire replay --json`, which
// `quire report` reads.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cost/bill.h"
#include "lab/mapping_use.h"
#include "lab/replay.h"
#include "lab/verify.h"
#include "trace/reader.h"

namespace quire::report {

struct ReplayAnswer {
  std::vector<lab::Policy> policies;
  std::vector<lab::ReplayResult> results;  // of each policy
  std::vector<lab::MemoryUse> uses;        // of each policy, when asked for
  std::vector<std::string> changes;        // of the program besides, of each policy; may be empty
  std::vector<std::string> notes;          // about the recording
};

// Who was ended for want of memory and why, as one line.
[[nodiscard]] std::string killed_text(const lab::Killed& one);
// What a recording says about itself that every answer should repeat.
[[nodiscard]] std::vector<std::string> notes_of(const trace::Reader& reader);

// The mappings of each replay at its peak, one replay after the other.
[[nodiscard]] Result<std::vector<lab::MemoryUse>, Diagnostic> uses_of(
    const std::string& file, const std::vector<lab::ReplayOptions>& runs,
    const std::vector<lab::ReplayResult>& results);

[[nodiscard]] nlohmann::ordered_json replay_document(const ReplayAnswer& answer, const std::string& path,
                                                     const trace::Reader& reader, ByteCount ram,
                                                     const cost::Profile& profile);

// How many faults took how long, in steps of a quarter of a power of two.
[[nodiscard]] nlohmann::ordered_json fault_times_json(const cost::FaultTimes& times);

// Every member in columns: docs/reference/json.md.
[[nodiscard]] nlohmann::ordered_json timeline_json(const lab::Timeline& timeline);

}  // namespace quire::report
