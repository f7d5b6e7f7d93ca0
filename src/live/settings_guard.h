// live/settings_guard.h - changes the live kernel's huge-page settings, and
// puts the old ones back whatever happens.
//
// Writes: /sys/kernel/mm/transparent_hugepage, Linux 6.18. The root is a
// parameter, so that every way out is tested on a fake tree.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "live/file_ops.h"
#include "live/host.h"
#include "live/journal.h"
#include "live/restore.h"
#include "live/setting_changes.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::live {

struct GuardConfig {
  std::filesystem::path thp_root = kThpRoot;
  std::filesystem::path state_dir = default_state_dir();  // lock and journal
  std::string boot_id = current_boot_id();
  FileOps* ops = nullptr;  // the outside world; nullptr: the real one
  std::filesystem::path sys = "/sys";
};
[[nodiscard]] FileOps& ops_of(const GuardConfig& config);
[[nodiscard]] JournalPlace place_of(const GuardConfig& config, const char* journal_name);

// SettingsGuard holds the right to change the settings of this host.
//
// States      : Holding -> Applied -> Holding (apply and restore may alternate,
//               and apply may follow apply; keep() leaves the settings as they
//               are) -> gone
// Owns        : the lock file's lock, the journal, the watchdog process
// Refers to   : config.ops, which must outlive it
// Invariants  : I-GUARD-1 a file is written only after a journal that names it,
//                         its old value and the new one, is on disk
//               I-GUARD-2 whoever restores writes a file only when it still
//                         holds a value that the journal says is ours
//               I-GUARD-3 the journal is removed only after every file holds
//                         its old value or one that is somebody else's
//               I-GUARD-5 a zram device is set up only after a journal that names
//                         it is on disk; whoever restores takes it out of use
//                         and removes it
//               I-GUARD-4 while settings change, no size is ever allowed that
//                         neither the state before nor the state after allows
// Ways out    : restore() and the destructor; for an exception that nobody
//               catches, a signal or SIGKILL the watchdog, a process of its own
//               session that sees the pipe from the holder close; when that is
//               killed too, recover_stale_journal() of the next start.
class SettingsGuard {
 public:
  // Takes the lock, restores what an earlier holder left behind, and starts the
  // watchdog. A second holder is refused with the first one's pid.
  [[nodiscard]] static Result<SettingsGuard, Diagnostic> hold(const GuardConfig& config = {});

  SettingsGuard(SettingsGuard&&) noexcept;
  SettingsGuard& operator=(SettingsGuard&&) = delete;
  ~SettingsGuard();  // restores; a failure is shouted on stderr

  // Makes the live settings those of `settings`. Only files that differ are
  // written, in the order given back. When a write fails, what was written is
  // restored before the Diagnostic is given.
  [[nodiscard]] Result<std::vector<SettingChange>, Diagnostic> apply(
      const policy::Settings& settings, KhugepagedSleep sleep = KhugepagedSleep::asleep);

  // A new zram device of this guard, not set up: its number (live/zram.h does
  // the rest). Restoring ends its use as swap and removes it. kPrivilege on a
  // kernel that has no zram.
  [[nodiscard]] Result<unsigned, Diagnostic> add_zram();

  // Until restore(), free pages stay this guest's and are not given back to its
  // host (live/free_pages.h): whether the kernel can be told so.
  [[nodiscard]] Result<bool, Diagnostic> keep_free_pages();

  // What was applied stays when this is gone: in one step the journal becomes
  // that of restore_applied() (live/applied.h). Dying before that step restores.
  [[nodiscard]] Result<void, Diagnostic> keep();

  // Puts the settings back to what they were when hold() was called. Fails with
  // kNotRestored when a file could not be written back; the journal then stays.
  [[nodiscard]] Result<RestoreReport, Diagnostic> restore();

  [[nodiscard]] pid_t watchdog_pid() const;

 private:
  struct State;
  // Notes the changes in a list of the journal, then makes them below `root` (I-GUARD-1). When one
  // fails, everything is restored.
  [[nodiscard]] Result<void, Diagnostic> note_and_write(std::vector<JournalEntry> Journal::* list,
                                                        const std::vector<SettingChange>& changes,
                                                        const std::filesystem::path& root);
  explicit SettingsGuard(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Restores what a holder that is gone left behind; nothing to do is success.
// Refused when somebody holds the lock.
[[nodiscard]] Result<RestoreReport, Diagnostic> recover_stale_journal(const GuardConfig& config = {});

}  // namespace quire::live
