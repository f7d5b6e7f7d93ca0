// lab/record_runs.h - recordings made on the way to an answer, and gone after it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "quire/result.h"

namespace quire::lab {

struct RecordRunsOptions {
  std::vector<std::string> command;
  unsigned recordings = 1;
  unsigned warmups = 1;  // runs before the first, so that its files are in memory
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;  // of each run
  std::string tool_version;
};

// Recordings of one command in a folder of their own, each with its gate.
//
// Owns        : the folder and all in it
class RecordedRuns {
 public:
  // kFailure when the command cannot be run or does not end in time;
  // kPrivilege when the host allows no recording that can be verified.
  [[nodiscard]] static Result<RecordedRuns, Diagnostic> make(const RecordRunsOptions& options);

  RecordedRuns(RecordedRuns&& other) noexcept = default;
  RecordedRuns& operator=(RecordedRuns&&) = delete;
  ~RecordedRuns();

  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  RecordedRuns() = default;
  [[nodiscard]] Result<void, Diagnostic> add(const RecordRunsOptions& options, const std::string& file);

  std::filesystem::path folder_;  // empty: nothing to remove
  std::vector<std::string> files_;
  std::vector<std::string> notes_;
};

}  // namespace quire::lab
