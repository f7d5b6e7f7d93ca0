#include "live/zram.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>

#include "live/host.h"
#include "live/setting_changes.h"
#include "live/unique_fd.h"

namespace quire::live {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "SWAPSPACE2";

fs::path folder_of(unsigned number, const fs::path& sys) {
  return sys / "block" / fmt::format("zram{}", number);
}

Diagnostic failure(std::string where, std::string what) {
  return {Diagnostic::Kind::kFailure, std::move(where), std::move(what), ""};
}

// The first page of a swap area, version 1: how many pages there are, and the
// word at the end. include/linux/swap.h: union swap_header.
struct Header {
  std::array<char, 1024> boot_sector{};
  std::uint32_t version = 1;
  std::uint32_t last_page = 0;
  std::uint32_t bad_pages = 0;
  std::array<char, kPageSize - 1024 - 12 - kMagic.size()> rest{};
  std::array<char, kMagic.size()> magic{};
};
static_assert(sizeof(Header) == kPageSize);

Result<void, Diagnostic> write_header(unsigned number, ByteCount size) {
  Header header;
  header.last_page = static_cast<std::uint32_t>(size.raw() / kPageSize - 1);
  std::memcpy(header.magic.data(), kMagic.data(), kMagic.size());
  const std::string device = zram_name(number);
  const UniqueFd fd(::open(device.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.valid() && ::pwrite(fd.get(), &header, sizeof header, 0) == sizeof header) return {};
  return fail(failure(device, "cannot be written: " + message_of(last_errc())));
}

Result<void, Diagnostic> write_file(const fs::path& file, const std::string& text) {
  if (const auto done = real_file_ops().write(file, text); !done)
    return fail(file_failure(file, "written", done.error()));
  return {};
}

}  // namespace

std::string zram_name(unsigned number) { return fmt::format("/dev/zram{}", number); }

Result<JournalDevice, Diagnostic> hot_add_zram(const fs::path& sys, FileOps& ops) {
  const fs::path control = sys / "class/zram-control/hot_add";
  const auto text = ops.read(control);
  if (!text)
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, control.string(),
                           "no zram device can be made: " + message_of(text.error()), ""});
  JournalDevice device;
  const std::string word = chosen_word(*text);
  if (std::from_chars(word.data(), word.data() + word.size(), device.number).ec != std::errc{})
    return fail(failure(control.string(), "does not say the number of the new device"));
  const auto sequence = ops.read(folder_of(device.number, sys) / "diskseq");
  if (!sequence) return fail(failure(folder_of(device.number, sys).string(), "has no diskseq"));
  device.diskseq = chosen_word(*sequence);
  return device;
}

Result<void, Diagnostic> remove_zram(const JournalDevice& device, const fs::path& sys, FileOps& ops) {
  const auto sequence = ops.read(folder_of(device.number, sys) / "diskseq");
  if (!sequence || chosen_word(*sequence) != device.diskseq) return {};
  const std::string name = zram_name(device.number);
  const auto off = ops.swapoff(name);
  if (!off && off.error() != std::errc::invalid_argument)  // that says that it was not on
    return fail(failure(name, "still in use as swap: " + message_of(off.error())));
  const auto removed = ops.write(sys / "class/zram-control/hot_remove", std::to_string(device.number));
  if (!removed) return fail(failure(name, "cannot be removed: " + message_of(removed.error())));
  return {};
}

Result<void, Diagnostic> format_zram(unsigned number, const std::string& algorithm, ByteCount size) {
  const fs::path folder = folder_of(number, "/sys");
  QUIRE_TRY(write_file(folder / "reset", "1"));
  if (!real_file_ops().write(folder / "comp_algorithm", algorithm))
    return fail(
        Diagnostic{Diagnostic::Kind::kPrivilege, "kernel", fmt::format("its zram has no {}", algorithm), ""});
  QUIRE_TRY(write_file(folder / "disksize", std::to_string(size.raw())));
  return write_header(number, size);
}

int swapon_flags(std::optional<int> priority) {
  return priority ? SWAP_FLAG_PREFER | (*priority & SWAP_FLAG_PRIO_MASK) : 0;
}

Result<void, Diagnostic> swap_on(unsigned number, std::optional<int> priority) {
  const std::string name = zram_name(number);
  if (::swapon(name.c_str(), swapon_flags(priority)) == 0) return {};
  return fail(failure(name, "swapon: " + message_of(last_errc())));
}

Result<void, Diagnostic> swap_off(unsigned number) {
  const std::string name = zram_name(number);
  if (::swapoff(name.c_str()) == 0 || last_errc() == std::errc::invalid_argument) return {};
  return fail(failure(name, "swapoff: " + message_of(last_errc())));
}

std::vector<std::string> swaps_in_use() {
  std::ifstream in("/proc/swaps");
  std::vector<std::string> names;
  std::string line;
  std::getline(in, line);  // the heading
  while (std::getline(in, line)) names.push_back(line.substr(0, line.find_first_of(" \t")));
  return names;
}

}  // namespace quire::live
