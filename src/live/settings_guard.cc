#include "live/settings_guard.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <utility>

#include "live/lock_file.h"
#include "live/setting_files.h"
#include "live/watchdog.h"

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

FileOps& ops_of(const GuardConfig& config) { return config.ops != nullptr ? *config.ops : real_file_ops(); }

JournalPlace place_of(const GuardConfig& config) {
  return {config.state_dir / kJournalName, config.thp_root.string(), config.boot_id};
}

void shout(const Diagnostic& diagnostic) {
  fmt::print(stderr, "\n*** quire: {}\n\n", diagnostic.line());
  std::fflush(stderr);
}

Diagnostic file_failure(const std::filesystem::path& path, const char* verb, std::errc error) {
  const bool denied = error == std::errc::permission_denied || error == std::errc::operation_not_permitted ||
                      error == std::errc::read_only_file_system;
  return {denied ? Diagnostic::Kind::kPrivilege : Diagnostic::Kind::kFailure, path.string(),
          fmt::format("cannot be {}: {}", verb, message_of(error)),
          denied ? "changing settings needs root and a writable /sys" : ""};
}

struct Change {
  SettingValue to;
  std::string from;
};

// The files that do not hold their value yet.
Result<std::vector<Change>, Diagnostic> changes_to(const policy::Settings& settings,
                                                   const std::filesystem::path& root, FileOps& ops) {
  std::vector<Change> changes;
  auto values = QUIRE_TRY(setting_values(settings, root));
  for (SettingValue& value : values) {
    const auto text = ops.read(root / value.path);
    if (!text) return fail(file_failure(root / value.path, "read", text.error()));
    std::string current = chosen_word(*text);
    if (current != value.value) changes.push_back({std::move(value), std::move(current)});
  }
  return changes;
}

Result<void, Diagnostic> write_one(const Change& change, const std::filesystem::path& root, FileOps& ops) {
  const std::filesystem::path path = root / change.to.path;
  if (const auto written = ops.write(path, change.to.value); !written) {
    return fail(file_failure(path, "written", written.error()));
  }
  const auto text = ops.read(path);
  if (text && chosen_word(*text) == change.to.value) return {};
  return fail(Diagnostic{Diagnostic::Kind::kFailure, path.string(),
                         fmt::format("does not hold '{}' after it was written", change.to.value), ""});
}

Result<void, Diagnostic> write_all(const std::vector<Change>& changes, const std::filesystem::path& root,
                                   FileOps& ops) {
  for (const Change& change : changes) QUIRE_TRY(write_one(change, root, ops));
  return {};
}

Result<void, Diagnostic> store(const Journal& journal, const JournalPlace& place, FileOps& ops) {
  if (const auto done = ops.replace(place.path, to_json(journal)); !done) {
    return fail(file_failure(place.path, "written", done.error()));
  }
  return {};
}

}  // namespace

SettingsGuard::SettingsGuard(std::unique_ptr<State> state) : state_(std::move(state)) {}
SettingsGuard::SettingsGuard(SettingsGuard&&) noexcept = default;

SettingsGuard::~SettingsGuard() {
  if (state_ == nullptr) return;
  if (const auto done = restore(); !done) shout(done.error());
}

Result<SettingsGuard, Diagnostic> SettingsGuard::hold(const GuardConfig& config) {
  LockFile lock = QUIRE_TRY(LockFile::take(config.state_dir / kLockName));
  FileOps& ops = ops_of(config);
  const JournalPlace place = place_of(config);
  QUIRE_TRY(restore_and_remove(place, ops));
  auto watchdog = QUIRE_TRY(Watchdog::start(lock.fd(), [&ops, place] {
    if (const auto done = restore_and_remove(place, ops); !done) shout(done.error());
  }));
  Journal journal{::getpid(), place.boot_id, place.root, {}};
  return SettingsGuard(std::make_unique<State>(
      State{config, ops, place, std::move(lock), std::move(watchdog), std::move(journal)}));
}

Result<void, Diagnostic> SettingsGuard::apply(const policy::Settings& settings) {
  State& s = *state_;
  const auto changes = QUIRE_TRY(changes_to(settings, s.config.thp_root, s.ops));
  if (changes.empty()) return {};
  Journal journal = s.journal;
  for (const Change& change : changes) journal.note(change.to.path, change.from, change.to.value);
  QUIRE_TRY(store(journal, s.place, s.ops));
  s.journal = std::move(journal);
  auto written = write_all(changes, s.config.thp_root, s.ops);
  if (!written) QUIRE_TRY(restore());
  return written;
}

Result<RestoreReport, Diagnostic> SettingsGuard::restore() {
  State& s = *state_;
  if (s.journal.files.empty()) return RestoreReport{};
  RestoreReport report = QUIRE_TRY(restore_and_remove(s.place, s.ops));
  s.journal.files.clear();
  return report;
}

pid_t SettingsGuard::watchdog_pid() const { return state_->watchdog->pid(); }

Result<RestoreReport, Diagnostic> recover_stale_journal(const GuardConfig& config) {
  const LockFile lock = QUIRE_TRY(LockFile::take(config.state_dir / kLockName));
  return restore_and_remove(place_of(config), ops_of(config));
}

}  // namespace quire::live
