// report/html/verdict.h - the first screen: what to do about one program, or that
// nothing here says so.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/html/content.h"
#include "report/html/model.h"

namespace quire::report {

struct Verdict {
  std::string subject;                // "python3 · 86,304 events recorded · host: 2 cpus, 23.5 GiB"
  std::string verdict;                // one sentence
  std::string confidence;             // with its reason; empty where nothing is recommended
  Table table;                        // at most four policies
  std::vector<std::string> warnings;  // what makes all of it doubtful
  std::vector<std::pair<std::string, std::string>> facts;  // WHY, SCOPE, RISK ...
  std::vector<Lines> lines;                                // DO, TO KEEP, UNDO
};

[[nodiscard]] Verdict verdict_of(const Subject& subject);

}  // namespace quire::report
