#include "live/setting_changes.h"

#include <fmt/format.h>

#include <sstream>
#include <utility>

#include "live/host.h"

namespace quire::live {

namespace {

// "always [madvise] never" offers three words; a number offers anything.
bool offers(const std::string& text, const std::string& value) {
  if (text.find('[') == std::string::npos) return true;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == value || word == "[" + value + "]") return true;
  }
  return false;
}

Diagnostic not_offered(const std::filesystem::path& path, const std::string& text, const std::string& value) {
  return {Diagnostic::Kind::kPrivilege, path.string(),
          fmt::format("this kernel does not offer '{}' here: {}", value,
                      text.substr(0, text.find_last_not_of(" \n") + 1)),
          ""};
}

Result<void, Diagnostic> write_one(const SettingChange& change, const std::filesystem::path& root,
                                   FileOps& ops) {
  const std::filesystem::path path = root / change.path;
  if (const auto written = ops.write(path, change.to); !written) {
    return fail(file_failure(path, "written", written.error()));
  }
  const auto text = ops.read(path);
  if (text && chosen_word(*text) == change.to) return {};
  return fail(Diagnostic{Diagnostic::Kind::kFailure, path.string(),
                         fmt::format("does not hold '{}' after it was written", change.to), ""});
}

}  // namespace

Diagnostic file_failure(const std::filesystem::path& path, const char* verb, std::errc error) {
  const bool denied = error == std::errc::permission_denied || error == std::errc::operation_not_permitted ||
                      error == std::errc::read_only_file_system;
  return {denied ? Diagnostic::Kind::kPrivilege : Diagnostic::Kind::kFailure, path.string(),
          fmt::format("cannot be {}: {}", verb, message_of(error)),
          denied ? "changing settings needs root and a writable /sys" : ""};
}

Result<std::vector<SettingChange>, Diagnostic> changes_to(const policy::Settings& settings,
                                                          const std::filesystem::path& root,
                                                          KhugepagedSleep sleep, FileOps& ops) {
  std::vector<SettingChange> changes;
  auto values = QUIRE_TRY(setting_values(settings, root, sleep));
  for (SettingValue& value : values) {
    const std::filesystem::path path = root / value.path;
    const auto text = ops.read(path);
    if (!text) return fail(file_failure(path, "read", text.error()));
    if (!offers(*text, value.value)) return fail(not_offered(path, *text, value.value));
    std::string current = chosen_word(*text);
    if (current == value.value) continue;
    changes.push_back({std::move(value.path), std::move(current), std::move(value.value)});
  }
  return changes;
}

Result<void, Diagnostic> write_changes(const std::vector<SettingChange>& changes,
                                       const std::filesystem::path& root, FileOps& ops) {
  for (const SettingChange& change : changes) QUIRE_TRY(write_one(change, root, ops));
  return {};
}

}  // namespace quire::live
