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

// One file that a restore looked at.
struct RestoredFile {
  std::string path;  // relative to the root
  std::string found;
  std::string ours;  // what we wrote last or were about to
  std::string old_value;
  bool operator==(const RestoredFile&) const = default;
};

// What a restore did. A file that held its old value already is in neither list.
struct RestoreReport {
  std::vector<RestoredFile> restored;      // written back
  std::vector<std::string> changed_since;  // hold somebody else's value: left alone
  std::vector<RestoredFile> kept;          // the same files, with what they hold
};

// Writes back each file that still holds a value of ours (compare and set).
// Tries every file before it fails; kNotRestored names those that failed.
[[nodiscard]] Result<RestoreReport, Diagnostic> restore_files(const Journal& journal, FileOps& ops);

// Where a journal lies and for which host's files.
struct JournalPlace {
  std::filesystem::path path;
  std::string root;
  std::string boot_id;
  std::filesystem::path sys = "/sys";  // where zram devices are
};

// Restores from the journal at `place` and removes it. No journal, or one of an
// earlier boot (the settings went with it), is success. A damaged one, or one
// for another root, is kNotRestored and stays.
[[nodiscard]] Result<RestoreReport, Diagnostic> restore_and_remove(const JournalPlace& place, FileOps& ops);

}  // namespace quire::live
