#include "record/tracefs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace quire::record {
namespace {

Diagnostic refused(std::string what) {
  return {.kind = Diagnostic::Kind::kPrivilege,
          .where = "tracefs",
          .what = std::move(what),
          .hint = "run as root on a kernel with tracepoints"};
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T n = 0;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{}) return std::nullopt;
  return n;
}

// What stands between `key` and the next ';' or the end.
std::string_view value(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return line.substr(0, line.find(';'));
}

// "unsigned long args[6]" declares args.
std::string_view declared_name(std::string_view declaration) {
  declaration = declaration.substr(0, declaration.find('['));
  const std::size_t space = declaration.find_last_of(" *");
  return space == std::string_view::npos ? declaration : declaration.substr(space + 1);
}

live::UniqueFd unmounted_instance() {
  const live::UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
  if (!context.valid()) return {};
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
  return live::UniqueFd(static_cast<int>(
      syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)));
}

}  // namespace

TracepointFormat::Field TracepointFormat::field(std::string_view name) const {
  const auto found = fields.find(name);
  return found != fields.end() ? found->second : Field{};
}

Result<TracepointFormat, Diagnostic> parse_format(std::string_view text) {
  TracepointFormat format;
  bool has_id = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("ID:")) {
      const auto id = number<std::uint64_t>(line.substr(3));
      has_id = id.has_value();
      format.id = id.value_or(0);
    }
    const auto offset = number<std::uint32_t>(value(line, "offset:"));
    const auto size = number<std::uint32_t>(value(line, "size:"));
    if (!offset || !size || *offset > 4096 || *size > 4096) continue;
    format.fields[std::string(declared_name(value(line, "field:")))] = {*offset, *size};
  }
  if (!has_id) return fail(refused("a tracepoint's format has no ID"));
  return format;
}

Result<Tracefs, Diagnostic> Tracefs::open() {
  for (const char* path : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    live::UniqueFd root(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (root.valid() && faccessat(root.get(), "events", F_OK, 0) == 0) return Tracefs(std::move(root));
  }
  live::UniqueFd root = unmounted_instance();
  if (!root.valid())
    return fail(refused(fmt::format("not mounted, and cannot be opened: {}", std::strerror(errno))));
  return Tracefs(std::move(root));
}

Result<TracepointFormat, Diagnostic> Tracefs::format(const std::string& event) const {
  const std::string path = fmt::format("events/{}/format", event);
  const live::UniqueFd file(openat(root_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail(refused(fmt::format("no tracepoint {}: {}", event, std::strerror(errno))));
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(file.get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return parse_format(text);
}

}  // namespace quire::record
