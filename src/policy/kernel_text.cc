#include "policy/kernel_text.h"

#include <charconv>

namespace quire::policy {

namespace {

std::string_view up_to_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

// Letters have bit 5 set in their small form.
char small(char c) { return static_cast<char>(c | 0x20); }

}  // namespace

bool sysfs_streq(std::string_view written, std::string_view word) {
  written = up_to_nul(written);
  if (written.ends_with('\n')) written.remove_suffix(1);
  return written == word;
}

Result<std::uint64_t, Errno> kstrtoul(std::string_view written) {
  written = up_to_nul(written);
  if (written.starts_with('+')) written.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error == std::errc::result_out_of_range) return fail(Errno::kRange);
  if (error != std::errc{}) return fail(Errno::kInval);
  written.remove_prefix(static_cast<std::size_t>(end - written.data()));
  if (!written.empty() && written != "\n") return fail(Errno::kInval);
  return value;
}

Result<bool, Errno> kstrtobool(std::string_view written) {
  written = up_to_nul(written);
  if (written.empty()) return fail(Errno::kInval);
  if (written[0] == '1') return true;
  if (written[0] == '0') return false;
  switch (small(written[0])) {
    case 'y':
    case 't':
    case 'e':
      return true;
    case 'n':
    case 'f':
    case 'd':
      return false;
    case 'o':
      if (written.size() > 1 && small(written[1]) == 'n') return true;
      if (written.size() > 1 && small(written[1]) == 'f') return false;
      break;
    default:
      break;
  }
  return fail(Errno::kInval);
}

}  // namespace quire::policy
