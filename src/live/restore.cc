#include "live/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "live/host.h"
#include "live/setting_files.h"
#include "live/zram.h"

namespace quire::live {

namespace {

enum class Outcome { unchanged, restored, changed_since };

struct Looked {
  Outcome outcome;
  std::string found;
};

bool is_ours(const JournalEntry& entry, const std::string& value) {
  return std::find(entry.ours.begin(), entry.ours.end(), value) != entry.ours.end();
}

Result<Looked, std::errc> restore_file(const JournalEntry& entry, const std::filesystem::path& root,
                                       FileOps& ops) {
  const std::string current = chosen_word(QUIRE_TRY(ops.read(root / entry.path)));
  if (current == entry.old_value) return Looked{Outcome::unchanged, current};
  if (!is_ours(entry, current)) return Looked{Outcome::changed_since, current};
  QUIRE_TRY(ops.write(root / entry.path, entry.old_value));
  if (chosen_word(QUIRE_TRY(ops.read(root / entry.path))) != entry.old_value) {
    return fail(std::errc::io_error);
  }
  return Looked{Outcome::restored, current};
}

std::string last_of_ours(const JournalEntry& entry) { return entry.ours.empty() ? "" : entry.ours.back(); }

// The entries in an order that keeps I-GUARD-4 on the way back.
std::vector<const JournalEntry*> in_restoring_order(const Journal& journal) {
  std::vector<SettingValue> values;
  for (const JournalEntry& entry : journal.files) values.push_back({entry.path, entry.old_value});
  sort_for_writing(values, WriteOrder::restoring);
  std::vector<const JournalEntry*> entries;
  for (const SettingValue& value : values) {
    entries.push_back(&*std::find_if(journal.files.begin(), journal.files.end(),
                                     [&](const JournalEntry& e) { return e.path == value.path; }));
  }
  return entries;
}

// All of them, also when one cannot be; the last that cannot is told.
Result<void, Diagnostic> remove_devices(const Journal& journal, const std::filesystem::path& sys,
                                        FileOps& ops) {
  Result<void, Diagnostic> done;
  for (const JournalDevice& device : journal.devices)
    if (auto removed = remove_zram(device, sys, ops); !removed) done = std::move(removed);
  return done;
}

Diagnostic not_restored(std::string where, std::string what) {
  return {Diagnostic::Kind::kNotRestored, std::move(where), std::move(what),
          "look at the journal and put the values back by hand"};
}

Result<RestoreReport, Diagnostic> restore_entries(const std::vector<const JournalEntry*>& entries,
                                                  const std::filesystem::path& root, FileOps& ops) {
  RestoreReport report;
  std::vector<std::string> failed;
  for (const JournalEntry* entry : entries) {
    const auto looked = restore_file(*entry, root, ops);
    if (!looked) {
      failed.push_back(
          fmt::format("{} should be '{}' ({})", entry->path, entry->old_value, message_of(looked.error())));
    } else if (looked->outcome != Outcome::unchanged) {
      const RestoredFile file{entry->path, looked->found, last_of_ours(*entry), entry->old_value};
      if (looked->outcome == Outcome::restored) {
        report.restored.push_back(file);
      } else {
        report.changed_since.push_back(file.path);
        report.kept.push_back(file);
      }
    }
  }
  if (failed.empty()) return report;
  return fail(not_restored(root, fmt::format("settings NOT restored: {}", fmt::join(failed, ", "))));
}

// No setting of the policy: a report of what was restored does not list them.
Result<void, Diagnostic> restore_parameters(const Journal& journal, const std::filesystem::path& sys,
                                            FileOps& ops) {
  std::vector<const JournalEntry*> entries;
  for (const JournalEntry& entry : journal.parameters) entries.push_back(&entry);
  QUIRE_TRY(restore_entries(entries, sys, ops));
  return {};
}

}  // namespace

Result<RestoreReport, Diagnostic> restore_files(const Journal& journal, FileOps& ops) {
  return restore_entries(in_restoring_order(journal), journal.root, ops);
}

Result<RestoreReport, Diagnostic> restore_and_remove(const JournalPlace& place, FileOps& ops) {
  const auto text = ops.read(place.path);
  if (!text) {
    if (text.error() == std::errc::no_such_file_or_directory) return RestoreReport{};
    return fail(not_restored(place.path, "the journal cannot be read: " + message_of(text.error())));
  }
  auto journal = parse_journal(*text, place.path.string());
  if (!journal) return fail(not_restored(journal.error().where, journal.error().what));
  RestoreReport report;
  if (journal->boot_id == place.boot_id) {
    if (journal->root != place.root) {
      return fail(not_restored(place.path,
                               fmt::format("the journal is for {}, not for {}", journal->root, place.root)));
    }
    const auto removed = remove_devices(*journal, place.sys, ops);
    const auto reset = restore_parameters(*journal, place.sys, ops);
    report = QUIRE_TRY(restore_files(*journal, ops));
    if (!removed) return fail(not_restored(removed.error().where, removed.error().what));
    if (!reset) return fail(reset.error());
  }
  if (const auto removed = ops.remove(place.path); !removed) {
    return fail(Diagnostic{
        Diagnostic::Kind::kFailure, place.path,
        "the settings are restored, but the journal cannot be removed: " + message_of(removed.error()),
        "remove it"});
  }
  return report;
}

}  // namespace quire::live
