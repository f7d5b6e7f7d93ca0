#include "live/applied.h"

#include <fmt/format.h>

#include <system_error>

#include "live/dry_run_ops.h"
#include "live/lock_file.h"
#include "policy/attributes.h"
#include "policy/parse.h"
#include "policy/reasons.h"

namespace quire::live {

namespace {

// What an older kernel lacks and nobody asked for is left out; what was asked
// for by name is not.
Result<void, Diagnostic> refuse_missing_files(std::string_view policy, const std::filesystem::path& root) {
  for (const policy::Attribute& attribute : policy::attributes()) {
    std::error_code ignored;
    if (std::filesystem::exists(root / attribute.path, ignored)) continue;
    const policy::Reason reason = policy::reason_of(policy, attribute.path);
    if (reason.kind != policy::Reason::Kind::kFile) continue;
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, (root / attribute.path).string(),
                           fmt::format("this kernel has no such file, and \"{}\" wants it", reason.word),
                           ""});
  }
  return {};
}

Diagnostic applied_already(const std::filesystem::path& path) {
  return {Diagnostic::Kind::kFailure, path.string(), "a policy is applied on this host already",
          "quire restore first"};
}

// A journal of an earlier boot is of settings that are gone.
Result<void, Diagnostic> refuse_second(const GuardConfig& config, FileOps& ops) {
  const JournalPlace place = place_of(config, kAppliedName);
  const auto text = ops.read(place.path);
  if (!text && text.error() == std::errc::no_such_file_or_directory) return {};
  if (!text) return fail(file_failure(place.path, "read", text.error()));
  const auto journal = parse_journal(*text, place.path.string());
  if (!journal || journal->boot_id == place.boot_id) return fail(applied_already(place.path));
  if (const auto gone = ops.remove(place.path); !gone) {
    return fail(file_failure(place.path, "removed", gone.error()));
  }
  return {};
}

Result<std::vector<SettingChange>, Diagnostic> plan(const policy::Settings& settings,
                                                    const GuardConfig& config) {
  const LockFile lock = QUIRE_TRY(LockFile::take(config.state_dir / kLockName));
  DryRunOps ops(ops_of(config));
  QUIRE_TRY(restore_and_remove(place_of(config, kJournalName), ops));
  QUIRE_TRY(refuse_second(config, ops));
  return changes_to(settings, config.thp_root, KhugepagedSleep::as_set, ops);
}

Result<RestoreReport, Diagnostic> restore_both(const GuardConfig& config, FileOps& ops) {
  RestoreReport all = QUIRE_TRY(restore_and_remove(place_of(config, kJournalName), ops));
  const RestoreReport applied = QUIRE_TRY(restore_and_remove(place_of(config, kAppliedName), ops));
  all.restored.insert(all.restored.end(), applied.restored.begin(), applied.restored.end());
  all.changed_since.insert(all.changed_since.end(), applied.changed_since.begin(),
                           applied.changed_since.end());
  all.kept.insert(all.kept.end(), applied.kept.begin(), applied.kept.end());
  return all;
}

}  // namespace

Result<std::vector<SettingChange>, Diagnostic> apply_policy(std::string_view policy, Doing doing,
                                                            const GuardConfig& config) {
  const policy::Settings settings = QUIRE_TRY(policy::parse_policy(policy));
  QUIRE_TRY(setting_values(settings, config.thp_root, KhugepagedSleep::as_set));
  QUIRE_TRY(refuse_missing_files(policy, config.thp_root));
  if (doing == Doing::dry_run) return plan(settings, config);
  SettingsGuard guard = QUIRE_TRY(SettingsGuard::hold(config));
  QUIRE_TRY(refuse_second(config, ops_of(config)));
  auto changes = QUIRE_TRY(guard.apply(settings, KhugepagedSleep::as_set));
  QUIRE_TRY(guard.keep());
  return changes;
}

Result<RestoreReport, Diagnostic> restore_applied(Doing doing, const GuardConfig& config) {
  const LockFile lock = QUIRE_TRY(LockFile::take(config.state_dir / kLockName));
  if (doing == Doing::really) return restore_both(config, ops_of(config));
  DryRunOps ops(ops_of(config));
  return restore_both(config, ops);
}

}  // namespace quire::live
