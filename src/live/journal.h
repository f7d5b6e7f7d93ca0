// live/journal.h - what was changed on this host and what it was before, on
// disk before the first change. The format: docs/reference/journal.md.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "quire/result.h"

namespace quire::live {

// One changed file.
struct JournalEntry {
  std::string path;  // relative to the root
  std::string old_value;
  std::vector<std::string> ours;  // every value we wrote or were about to
  bool operator==(const JournalEntry&) const = default;
};

// A zram device that was added. The sequence number tells it from one that
// somebody else made later under the same number.
struct JournalDevice {
  unsigned number = 0;
  std::string diskseq;
  bool operator==(const JournalDevice&) const = default;
};

struct Journal {
  pid_t pid = 0;  // the holder, for messages
  std::string boot_id;
  std::string root;
  std::vector<JournalEntry> files;
  std::vector<JournalDevice> devices = {};
  std::vector<JournalEntry> parameters = {};  // of kernel modules (live/free_pages.h); relative to /sys
  // Whether there is nothing to put back.
  [[nodiscard]] bool empty() const { return files.empty() && devices.empty() && parameters.empty(); }
  bool operator==(const Journal&) const = default;
};

// Notes in `entries` that `path`, which holds `current`, is about to be given
// `next`. The first `current` is the value a restore puts back.
void note(std::vector<JournalEntry>& entries, const std::string& path, const std::string& current,
          const std::string& next);

[[nodiscard]] std::string to_json(const Journal& journal);
// Paths that leave the root, and anything else that is not a journal, are
// refused: the file decides what root writes.
[[nodiscard]] Result<Journal, Diagnostic> parse_journal(std::string_view text, std::string_view where);

// /run/quire for root, else $XDG_RUNTIME_DIR/quire, else a folder of this user
// under the temporary directory.
[[nodiscard]] std::filesystem::path default_state_dir();
[[nodiscard]] std::string current_boot_id();

// Of a holder, which goes when the holder does; of `quire apply`, which stays
// until `quire restore`.
inline constexpr const char* kJournalName = "settings.journal";
inline constexpr const char* kAppliedName = "applied.journal";
inline constexpr const char* kLockName = "settings.lock";

}  // namespace quire::live
