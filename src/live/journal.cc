#include "live/journal.h"

#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "live/file_ops.h"
#include "live/free_pages.h"
#include "live/host.h"

namespace quire::live {

namespace {

constexpr int kSchemaVersion = 1;

bool stays_inside(const std::string& path) {
  const std::filesystem::path p(path);
  if (path.empty() || p.is_absolute()) return false;
  return std::none_of(p.begin(), p.end(), [](const auto& part) { return part == ".."; });
}

JournalEntry entry_of(const nlohmann::json& file) {
  JournalEntry entry{file.at("path"), file.at("old"), file.at("ours")};
  if (!stays_inside(entry.path)) throw std::runtime_error("'" + entry.path + "' leaves the root");
  return entry;
}

JournalEntry parameter_of(const nlohmann::json& parameter) {
  JournalEntry entry = entry_of(parameter);
  if (!is_free_page_parameter(entry.path))
    throw std::runtime_error("'" + entry.path + "' is not ours to set");
  return entry;
}

Journal journal_of(const nlohmann::json& json) {
  if (json.at("schema_version") != kSchemaVersion) throw std::runtime_error("unknown schema_version");
  Journal journal;
  journal.pid = json.at("pid");
  journal.boot_id = json.at("boot_id");
  journal.root = json.at("root");
  for (const auto& file : json.at("files")) journal.files.push_back(entry_of(file));
  for (const auto& device : json.value("zram", nlohmann::json::array()))
    journal.devices.push_back({device.at("number"), device.at("diskseq")});
  for (const auto& parameter : json.value("parameters", nlohmann::json::array()))
    journal.parameters.push_back(parameter_of(parameter));
  return journal;
}

nlohmann::ordered_json json_of(const JournalEntry& entry) {
  return {{"path", entry.path}, {"old", entry.old_value}, {"ours", entry.ours}};
}

}  // namespace

void note(std::vector<JournalEntry>& entries, const std::string& path, const std::string& current,
          const std::string& next) {
  auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.path == path; });
  if (entry == entries.end()) {
    entries.push_back({path, current, {next}});
    return;
  }
  auto& ours = entry->ours;
  // Somebody else set the file since we did: theirs is the value to go back to.
  if (std::find(ours.begin(), ours.end(), current) == ours.end()) entry->old_value = current;
  if (std::find(ours.begin(), ours.end(), next) == ours.end()) ours.push_back(next);
}

std::string to_json(const Journal& journal) {
  nlohmann::ordered_json json{{"schema_version", kSchemaVersion},
                              {"pid", journal.pid},
                              {"boot_id", journal.boot_id},
                              {"root", journal.root},
                              {"files", nlohmann::ordered_json::array()}};
  for (const JournalEntry& entry : journal.files) json["files"].push_back(json_of(entry));
  for (const JournalDevice& device : journal.devices)
    json["zram"].push_back({{"number", device.number}, {"diskseq", device.diskseq}});
  for (const JournalEntry& entry : journal.parameters) json["parameters"].push_back(json_of(entry));
  return json.dump(2) + "\n";
}

Result<Journal, Diagnostic> parse_journal(std::string_view text, std::string_view where) {
  try {
    return journal_of(nlohmann::json::parse(text));
  } catch (const std::exception& e) {
    return fail(Diagnostic{Diagnostic::Kind::kDamagedInput, std::string(where),
                           fmt::format("not a settings journal: {}", e.what()), ""});
  }
}

std::filesystem::path default_state_dir() {
  if (::geteuid() == 0) return "/run/quire";
  if (const char* dir = std::getenv("XDG_RUNTIME_DIR"); dir != nullptr && *dir != '\0') {
    return std::filesystem::path(dir) / "quire";
  }
  return std::filesystem::temp_directory_path() / fmt::format("quire-{}", ::geteuid());
}

std::string current_boot_id() {
  const auto text = real_file_ops().read("/proc/sys/kernel/random/boot_id");
  return text ? chosen_word(*text) : std::string();
}

}  // namespace quire::live
