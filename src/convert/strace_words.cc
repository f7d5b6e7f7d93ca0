#include "convert/strace_words.h"

#include <linux/mman.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <string>

#include "convert/text_cursor.h"

namespace quire::convert {
namespace {

struct Word {
  std::string_view name;
  std::uint64_t value;
};

// Those younger than the headers of Debian 12 by their number.
constexpr Word kWords[] = {
    {"NULL", 0},
    {"PROT_NONE", PROT_NONE},
    {"PROT_READ", PROT_READ},
    {"PROT_WRITE", PROT_WRITE},
    {"PROT_EXEC", PROT_EXEC},
    {"PROT_SEM", 8},
    {"PROT_GROWSDOWN", PROT_GROWSDOWN},
    {"PROT_GROWSUP", PROT_GROWSUP},
    {"MAP_FILE", MAP_FILE},
    {"MAP_SHARED", MAP_SHARED},
    {"MAP_PRIVATE", MAP_PRIVATE},
    {"MAP_SHARED_VALIDATE", MAP_SHARED_VALIDATE},
    {"MAP_DROPPABLE", 8},
    {"MAP_FIXED", MAP_FIXED},
    {"MAP_ANONYMOUS", MAP_ANONYMOUS},
    {"MAP_32BIT", MAP_32BIT},
    {"MAP_ABOVE4G", 0x80},
    {"MAP_GROWSDOWN", MAP_GROWSDOWN},
    {"MAP_DENYWRITE", MAP_DENYWRITE},
    {"MAP_EXECUTABLE", MAP_EXECUTABLE},
    {"MAP_LOCKED", MAP_LOCKED},
    {"MAP_NORESERVE", MAP_NORESERVE},
    {"MAP_POPULATE", MAP_POPULATE},
    {"MAP_NONBLOCK", MAP_NONBLOCK},
    {"MAP_STACK", MAP_STACK},
    {"MAP_HUGETLB", MAP_HUGETLB},
    {"MAP_SYNC", MAP_SYNC},
    {"MAP_FIXED_NOREPLACE", MAP_FIXED_NOREPLACE},
    {"MADV_NORMAL", 0},
    {"MADV_RANDOM", 1},
    {"MADV_SEQUENTIAL", 2},
    {"MADV_WILLNEED", 3},
    {"MADV_DONTNEED", 4},
    {"MADV_FREE", 8},
    {"MADV_REMOVE", 9},
    {"MADV_DONTFORK", 10},
    {"MADV_DOFORK", 11},
    {"MADV_MERGEABLE", 12},
    {"MADV_UNMERGEABLE", 13},
    {"MADV_HUGEPAGE", 14},
    {"MADV_NOHUGEPAGE", 15},
    {"MADV_DONTDUMP", 16},
    {"MADV_DODUMP", 17},
    {"MADV_WIPEONFORK", 18},
    {"MADV_KEEPONFORK", 19},
    {"MADV_COLD", 20},
    {"MADV_PAGEOUT", 21},
    {"MADV_POPULATE_READ", 22},
    {"MADV_POPULATE_WRITE", 23},
    {"MADV_DONTNEED_LOCKED", 24},
    {"MADV_COLLAPSE", 25},
    {"MADV_HWPOISON", 100},
    {"MADV_SOFT_OFFLINE", 101},
    {"MADV_GUARD_INSTALL", 102},
    {"MADV_GUARD_REMOVE", 103},
    {"MREMAP_MAYMOVE", MREMAP_MAYMOVE},
    {"MREMAP_FIXED", MREMAP_FIXED},
    {"MREMAP_DONTUNMAP", 4},
    {"MCL_CURRENT", MCL_CURRENT},
    {"MCL_FUTURE", MCL_FUTURE},
    {"MCL_ONFAULT", MCL_ONFAULT},
    {"MLOCK_ONFAULT", MLOCK_ONFAULT},
    {"CLONE_VM", CLONE_VM},
    {"CLONE_FS", CLONE_FS},
    {"CLONE_FILES", CLONE_FILES},
    {"CLONE_SIGHAND", CLONE_SIGHAND},
    {"CLONE_PIDFD", CLONE_PIDFD},
    {"CLONE_PTRACE", CLONE_PTRACE},
    {"CLONE_VFORK", CLONE_VFORK},
    {"CLONE_PARENT", CLONE_PARENT},
    {"CLONE_THREAD", CLONE_THREAD},
    {"CLONE_NEWNS", CLONE_NEWNS},
    {"CLONE_SYSVSEM", CLONE_SYSVSEM},
    {"CLONE_SETTLS", CLONE_SETTLS},
    {"CLONE_PARENT_SETTID", CLONE_PARENT_SETTID},
    {"CLONE_CHILD_CLEARTID", CLONE_CHILD_CLEARTID},
    {"CLONE_DETACHED", CLONE_DETACHED},
    {"CLONE_UNTRACED", CLONE_UNTRACED},
    {"CLONE_CHILD_SETTID", CLONE_CHILD_SETTID},
    {"CLONE_NEWCGROUP", CLONE_NEWCGROUP},
    {"CLONE_NEWUTS", CLONE_NEWUTS},
    {"CLONE_NEWIPC", CLONE_NEWIPC},
    {"CLONE_NEWUSER", CLONE_NEWUSER},
    {"CLONE_NEWPID", CLONE_NEWPID},
    {"CLONE_NEWNET", CLONE_NEWNET},
    {"CLONE_IO", CLONE_IO},
    {"CLONE_CLEAR_SIGHAND", 0x100000000ULL},
    {"CLONE_INTO_CGROUP", 0x200000000ULL},
    {"CLONE_NEWTIME", 0x80},
    {"SIGCHLD", SIGCHLD},
};

std::optional<std::uint64_t> word_value(std::string_view text) {
  const auto* const found = std::ranges::find(kWords, text, &Word::name);
  if (found == std::end(kWords)) return std::nullopt;
  return found->value;
}

// "21<<MAP_HUGE_SHIFT" and plain numbers; "-1" as the kernel sees it. What -y
// puts behind a descriptor is passed over.
std::optional<std::uint64_t> number_value(std::string_view text) {
  TextCursor cursor(text);
  if (cursor.skip("-")) {
    const auto value = cursor.number<std::uint32_t>();
    return value ? std::optional(std::uint64_t{0} - *value) : std::nullopt;
  }
  auto value = cursor.address_or_number();
  if (!value) return std::nullopt;
  if (cursor.skip("<<MAP_HUGE_SHIFT") && *value < 64) *value <<= MAP_HUGE_SHIFT;
  const bool fits = cursor.at_end() || cursor.rest().front() == '<' || cursor.rest().starts_with(" /*");
  return fits ? value : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> read_value(std::string_view text) {
  // The name behind a descriptor may hold anything.
  if (text.ends_with('>')) return number_value(text);
  std::uint64_t all = 0;
  for (;;) {
    const auto bar = std::min(text.find('|'), text.size());
    const std::string_view part = text.substr(0, bar);
    auto value = word_value(part);
    if (!value) value = number_value(part);
    if (!value) return std::nullopt;
    all |= *value;
    if (bar == text.size()) return all;
    text.remove_prefix(bar + 1);
  }
}

std::optional<std::uint64_t> named_value(std::string_view text, std::string_view name) {
  const std::string wanted = std::string(name) + "=";
  const auto at = text.find(wanted);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + wanted.size());
  return read_value(text.substr(0, text.find_first_of(",} )")));
}

}  // namespace quire::convert
