// live/restore.h - the one way back from a journal, whoever walks it: the
// holder, its watchdog or a later start.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "live/file_ops.h"
#include "live/journal.h"
#include "quire/result.h"

namespace quire::live {

// What a restore did.
struct RestoreReport {
  std::vector<std::string> restored;       // files written back
  std::vector<std::string> changed_since;  // hold somebody else's value: left alone
};

// Writes back each file that still holds a value of ours (compare and set).
// Tries every file before it fails; kNotRestored names those that failed.
[[nodiscard]] Result<RestoreReport, Diagnostic> restore_files(const Journal& journal, FileOps& ops);

// Where a journal lies and for which host's files.
struct JournalPlace {
  std::filesystem::path path;
  std::string root;
  std::string boot_id;
};

// Restores from the journal at `place` and removes it. No journal, or one of an
// earlier boot (the settings went with it), is success. A damaged one, or one
// for another root, is kNotRestored and stays.
[[nodiscard]] Result<RestoreReport, Diagnostic> restore_and_remove(const JournalPlace& place, FileOps& ops);

}  // namespace quire::live
