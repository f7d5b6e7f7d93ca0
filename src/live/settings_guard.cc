#include "live/settings_guard.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <utility>

#include "live/free_pages.h"
#include "live/lock_file.h"
#include "live/setting_changes.h"
#include "live/watchdog.h"
#include "live/zram.h"

namespace quire::live {

struct SettingsGuard::State {
  GuardConfig config;
  FileOps& ops;
  JournalPlace place;
  LockFile lock;
  std::optional<Watchdog> watchdog;  // after the lock: gone before it is given up
  Journal journal;
};

namespace {

void shout(const Diagnostic& diagnostic) {
  fmt::print(stderr, "\n*** quire: {}\n\n", diagnostic.line());
  std::fflush(stderr);
}

Result<void, Diagnostic> store(const Journal& journal, const JournalPlace& place, FileOps& ops) {
  if (const auto done = ops.replace(place.path, to_json(journal)); !done) {
    return fail(file_failure(place.path, "written", done.error()));
  }
  return {};
}

}  // namespace

FileOps& ops_of(const GuardConfig& config) { return config.ops != nullptr ? *config.ops : real_file_ops(); }

JournalPlace place_of(const GuardConfig& config, const char* name) {
  return {config.state_dir / name, config.thp_root.string(), config.boot_id, config.sys};
}

SettingsGuard::SettingsGuard(std::unique_ptr<State> state) : state_(std::move(state)) {}
SettingsGuard::SettingsGuard(SettingsGuard&&) noexcept = default;

SettingsGuard::~SettingsGuard() {
  if (state_ == nullptr) return;
  if (const auto done = restore(); !done) shout(done.error());
}

Result<SettingsGuard, Diagnostic> SettingsGuard::hold(const GuardConfig& config) {
  LockFile lock = QUIRE_TRY(LockFile::take(config.state_dir / kLockName));
  FileOps& ops = ops_of(config);
  const JournalPlace place = place_of(config, kJournalName);
  QUIRE_TRY(restore_and_remove(place, ops));
  auto watchdog = QUIRE_TRY(Watchdog::start(lock.fd(), [&ops, place] {
    if (const auto done = restore_and_remove(place, ops); !done) shout(done.error());
  }));
  Journal journal{::getpid(), place.boot_id, place.root, {}};
  return SettingsGuard(std::make_unique<State>(
      State{config, ops, place, std::move(lock), std::move(watchdog), std::move(journal)}));
}

Result<void, Diagnostic> SettingsGuard::note_and_write(std::vector<JournalEntry> Journal::* list,
                                                       const std::vector<SettingChange>& changes,
                                                       const std::filesystem::path& root) {
  if (changes.empty()) return {};
  State& s = *state_;
  Journal journal = s.journal;
  for (const SettingChange& change : changes) note(journal.*list, change.path, change.from, change.to);
  QUIRE_TRY(store(journal, s.place, s.ops));
  s.journal = std::move(journal);
  if (auto written = write_changes(changes, root, s.ops); !written) {
    QUIRE_TRY(restore());
    return fail(written.error());
  }
  return {};
}

Result<std::vector<SettingChange>, Diagnostic> SettingsGuard::apply(const policy::Settings& settings,
                                                                    KhugepagedSleep sleep) {
  State& s = *state_;
  auto changes = QUIRE_TRY(changes_to(settings, s.config.thp_root, sleep, s.ops));
  QUIRE_TRY(note_and_write(&Journal::files, changes, s.config.thp_root));
  return changes;
}

Result<unsigned, Diagnostic> SettingsGuard::add_zram() {
  State& s = *state_;
  const JournalDevice device = QUIRE_TRY(hot_add_zram(s.config.sys, s.ops));
  s.journal.devices.push_back(device);
  if (auto stored = store(s.journal, s.place, s.ops); !stored) {
    s.journal.devices.pop_back();
    QUIRE_TRY(remove_zram(device, s.config.sys, s.ops));
    return fail(stored.error());
  }
  return device.number;
}

Result<bool, Diagnostic> SettingsGuard::keep_free_pages() {
  State& s = *state_;
  const auto changes = QUIRE_TRY(changes_to_keep_free_pages(s.config.sys, s.ops));
  QUIRE_TRY(note_and_write(&Journal::parameters, changes, s.config.sys));
  return !s.journal.parameters.empty();
}

Result<void, Diagnostic> SettingsGuard::keep() {
  State& s = *state_;
  if (s.journal.files.empty()) return {};
  const std::filesystem::path kept = s.config.state_dir / kAppliedName;
  if (const auto done = s.ops.rename(s.place.path, kept); !done) {
    return fail(file_failure(kept, "written", done.error()));
  }
  s.journal.files.clear();
  return {};
}

Result<RestoreReport, Diagnostic> SettingsGuard::restore() {
  State& s = *state_;
  if (s.journal.empty()) return RestoreReport{};
  RestoreReport report = QUIRE_TRY(restore_and_remove(s.place, s.ops));
  s.journal.files.clear();
  s.journal.devices.clear();
  s.journal.parameters.clear();
  return report;
}

pid_t SettingsGuard::watchdog_pid() const { return state_->watchdog->pid(); }

Result<RestoreReport, Diagnostic> recover_stale_journal(const GuardConfig& config) {
  const LockFile lock = QUIRE_TRY(LockFile::take(config.state_dir / kLockName));
  return restore_and_remove(place_of(config, kJournalName), ops_of(config));
}

}  // namespace quire::live
