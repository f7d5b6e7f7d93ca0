// record/probe.h - finds the best way of watching that this host allows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "quire/result.h"
#include "record/recorder.h"
#include "record/source.h"

namespace quire::record {

struct ProbedSource {
  std::unique_ptr<Source> source;
  std::vector<std::string> refused;  // the better tiers, and why each was refused
};

// Tries the tiers from the best on, by really setting them up; with
// `options.force_tier` only that one.
[[nodiscard]] Result<ProbedSource, Diagnostic> probe(const RecordOptions& options);

}  // namespace quire::record
