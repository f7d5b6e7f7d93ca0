#include "live/mappings.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "live/file_ops.h"

namespace quire::live {

namespace {

// Takes the text up to `end` off the front; all of it without one.
std::string_view take(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view word = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return word;
}

void skip_spaces(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

template <typename Number>
bool read_number(std::string_view word, Number& to, int base) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), to, base);
  return error == std::errc() && end == word.data() + word.size() && !word.empty();
}

bool read_address(std::string_view word, VirtAddr& to) {
  std::uint64_t number = 0;
  if (!read_number(word, number, 16)) return false;
  to = VirtAddr(number);
  return true;
}

// "7f12a000-7f12c000 rw-p 00002000 fe:00 247498    /usr/bin/head"
std::optional<Mapping> head_of(std::string_view line) {
  Mapping mapping;
  const bool good =
      read_address(take(line, '-'), mapping.range.begin) &&
      read_address(take(line, ' '), mapping.range.end) &&
      (mapping.permissions = take(line, ' ')).size() == 4 &&
      read_number(take(line, ' '), mapping.offset, 16) && read_number(take(line, ':'), mapping.major, 16) &&
      read_number(take(line, ' '), mapping.minor, 16) && read_number(take(line, ' '), mapping.inode, 10);
  if (!good || mapping.range.empty() || !mapping.range.begin.aligned() || !mapping.range.end.aligned())
    return {};
  skip_spaces(line);
  mapping.name = line;
  return mapping;
}

// "Rss:                   8 kB" into the mapping above it; other lines say no size.
bool read_field(std::string_view line, Mapping& mapping) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = take(line, ':');
  if (!line.ends_with(" kB") || name.ends_with("PageSize")) return true;
  line.remove_suffix(3);
  skip_spaces(line);
  std::uint64_t kib = 0;
  if (!read_number(line, kib, 10)) return false;
  mapping.smaps.emplace_back(name, ByteCount(kib << 10));
  return true;
}

// Field names begin with a capital, addresses have small letters.
bool is_field(std::string_view line) { return !line.empty() && line[0] >= 'A' && line[0] <= 'Z'; }

const char* name_of(MappingsFile file) {
  switch (file) {
    case MappingsFile::kMaps:
      return "maps";
    case MappingsFile::kSmaps:
      return "smaps";
    case MappingsFile::kSmapsRollup:
      break;
  }
  return "smaps_rollup";
}

}  // namespace

Result<std::vector<Mapping>, Diagnostic> parse_mappings(std::string_view text) {
  std::vector<Mapping> mappings;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take(text, '\n');
    bool good = true;
    if (is_field(line)) {
      good = !mappings.empty() && read_field(line, mappings.back());
    } else if (auto mapping = head_of(line)) {
      mappings.push_back(std::move(*mapping));
    } else {
      good = false;
    }
    if (!good)
      return fail(Diagnostic{.where = fmt::format("line {}", number), .what = "no mapping", .hint = ""});
  }
  return mappings;
}

Result<std::vector<Mapping>, Diagnostic> read_mappings(pid_t pid, MappingsFile file) {
  const std::string name = fmt::format("/proc/{}/{}", pid, name_of(file));
  const auto text = real_file_ops().read(name);
  if (!text && text.error() == std::errc::no_such_process) return std::vector<Mapping>{};
  if (!text) {
    const bool denied = text.error() == std::errc::permission_denied;
    return fail(Diagnostic{.kind = denied ? Diagnostic::Kind::kPrivilege : Diagnostic::Kind::kFailure,
                           .where = name,
                           .what = message_of(text.error()),
                           .hint = denied ? "run it as root: needs CAP_SYS_PTRACE" : ""});
  }
  auto mappings = parse_mappings(*text);
  if (!mappings) mappings.error().where = name + ": " + mappings.error().where;
  return mappings;
}

}  // namespace quire::live
