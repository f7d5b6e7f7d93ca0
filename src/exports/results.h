// exports/results.h - the answers of replay, advise, verify and sweep, read back
// as rows of figures: what all tables are made of.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "quire/result.h"
#include "record/scrub.h"
#include "report/figure.h"

namespace quire::exports {

enum class Kind : std::uint8_t { kReplay, kAdvise, kVerify, kSweep };

[[nodiscard]] std::string_view kind_name(Kind kind);

// One line of a table for programs, one column of one for people.
struct Row {
  std::vector<std::pair<std::string, std::string>> labels;  // {"policy", "64K"} ...; alike in all rows
  report::Sheet figures;                                    // those the answer has, in their usual order
  // Counters under the kernel's names: of the whole machine (size 0), and by the
  // bytes of a folio. Only replay has them.
  std::map<std::uint64_t, std::map<std::string, std::uint64_t>> counters;

  [[nodiscard]] std::string label(std::string_view name) const;
  [[nodiscard]] const report::Figure* figure(std::string_view key) const;
};

struct Results {
  Kind kind{};
  std::string about;  // the recording, or the command
  std::vector<Row> rows;
  std::vector<std::string> verdict;   // lines of advise: what to use, how sure, why not surer
  std::vector<std::string> commands;  // to paste
  std::vector<std::string> notes;
};

// What of a result may leave the house: everything, or no names and paths.
// Names are escaped all the same.
[[nodiscard]] Result<Results, Diagnostic> read_results(const std::string& path,
                                                       const record::Scrubber& scrubber);

// `json` as --json prints it, of the file `name`.
[[nodiscard]] Result<Results, Diagnostic> read_document(const nlohmann::json& json, const std::string& name,
                                                        const record::Scrubber& scrubber);
// The results of a sweep: a SQLite file.
[[nodiscard]] Result<Results, Diagnostic> read_sweep(const std::string& path,
                                                     const record::Scrubber& scrubber);

// Every figure that a replay may have, those of a machine short of memory too: what figures_from
// is to look for.
[[nodiscard]] report::Sheet figures_of_replays();

// The figures of `values` that `like` has, with its labels and units: text where
// it has text, otherwise numbers. Others are left out.
[[nodiscard]] report::Sheet figures_from(const nlohmann::json& values, const report::Sheet& like);

// Every word with a slash in it, and nothing else, becomes a hash.
[[nodiscard]] std::string scrub_paths(std::string_view text, const record::Scrubber& scrubber);

}  // namespace quire::exports
