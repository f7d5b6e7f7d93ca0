#include "litmus/words.h"

#include <sys/mman.h>

#include <array>

namespace quire::litmus {
namespace {

constexpr std::array<NumberedWord, 27> kAdvice{
    {{"NORMAL", 0},           {"RANDOM", 1},         {"SEQUENTIAL", 2},
     {"WILLNEED", 3},         {"DONTNEED", 4},       {"FREE", 8},
     {"REMOVE", 9},           {"DONTFORK", 10},      {"DOFORK", 11},
     {"MERGEABLE", 12},       {"UNMERGEABLE", 13},   {"HUGEPAGE", 14},
     {"NOHUGEPAGE", 15},      {"DONTDUMP", 16},      {"DODUMP", 17},
     {"WIPEONFORK", 18},      {"KEEPONFORK", 19},    {"COLD", 20},
     {"PAGEOUT", 21},         {"POPULATE_READ", 22}, {"POPULATE_WRITE", 23},
     {"DONTNEED_LOCKED", 24}, {"COLLAPSE", 25},      {"GUARD_INSTALL", 102},
     {"GUARD_REMOVE", 103},   {"THP_COW", 1024},     {"NO_THP_COW", 1025}}};

constexpr std::array<std::string_view, 18> kEndings{
    "EPERM",  "ENOENT", "ESRCH",  "EBADF",  "EAGAIN", "ENOMEM", "EACCES",  "EFAULT", "EBUSY",
    "EEXIST", "EINVAL", "ERANGE", "ENOSYS", "E2BIG",  "EINTR",  "SIGSEGV", "SIGBUS", kKilled};

template <typename Enum>
constexpr NumberedWord entry(std::string_view word, Enum value) {
  return {word, static_cast<int>(value)};
}

constexpr std::array kUffd{
    entry("register", Uffd::Op::kRegister),  entry("unregister", Uffd::Op::kUnregister),
    entry("copy", Uffd::Op::kCopy),          entry("zero", Uffd::Op::kZero),
    entry("wake", Uffd::Op::kWake),          entry("protect", Uffd::Op::kProtect),
    entry("unprotect", Uffd::Op::kUnprotect)};

constexpr std::array kPrctl{entry("off", Prctl::ThpDisable::kOff), entry("on", Prctl::ThpDisable::kOn),
                            entry("except_advised", Prctl::ThpDisable::kExceptAdvised)};

constexpr std::array kSubjects{entry("pages", Subject::kPages), entry("contents", Subject::kContents),
                               entry("counters", Subject::kCounters), entry("endings", Subject::kEndings)};

constexpr std::array kFills{entry("noise", Fill::Kind::kNoise), entry("text", Fill::Kind::kText),
                            entry("zeroes", Fill::Kind::kZeroes)};

constexpr std::array<std::string_view, 4> kArchitectures{"x86-64", "arm64", "arm64-16k", "arm64-64k"};

using Kind = Property::Kind;
constexpr std::array kProperties{entry("absent", Kind::kAbsent),
                                 entry("present", Kind::kPresent),
                                 entry("zero", Kind::kZero),
                                 entry("hugezero", Kind::kHugeZero),
                                 entry("anon", Kind::kAnon),
                                 entry("swapped", Kind::kSwapped),
                                 entry("guard", Kind::kGuard),
                                 entry("swapcache", Kind::kSwapcache),
                                 entry("exclusive", Kind::kExclusive),
                                 entry("shared", Kind::kShared),
                                 entry("pmd", Kind::kPmd),
                                 entry("pte", Kind::kPte),
                                 entry("cont", Kind::kCont),
                                 entry("nocont", Kind::kNoCont)};

}  // namespace

std::span<const std::string_view> arch_words() { return kArchitectures; }
std::span<const NumberedWord> advice_words() { return kAdvice; }
std::span<const std::string_view> ending_words() { return kEndings; }
std::span<const NumberedWord> uffd_words() { return kUffd; }
std::span<const NumberedWord> prctl_words() { return kPrctl; }
std::span<const NumberedWord> subject_words() { return kSubjects; }
std::span<const NumberedWord> fill_words() { return kFills; }
std::span<const NumberedWord> property_words() { return kProperties; }

std::optional<int> number_of(std::span<const NumberedWord> list, std::string_view word) {
  for (const NumberedWord& entry : list)
    if (entry.word == word) return entry.number;
  return std::nullopt;
}

std::string_view word_of(std::span<const NumberedWord> list, int number) {
  for (const NumberedWord& entry : list)
    if (entry.number == number) return entry.word;
  return "?";
}

std::string list_of(std::span<const NumberedWord> list) {
  std::string text;
  for (const NumberedWord& entry : list) {
    if (!text.empty()) text += ", ";
    text += entry.word;
  }
  return text;
}

std::optional<int> prot_of(std::string_view word) {
  if (word == "none") return PROT_NONE;
  int prot = 0;
  for (const char letter : word) {
    const int bit = letter == 'r' ? PROT_READ : letter == 'w' ? PROT_WRITE : letter == 'x' ? PROT_EXEC : 0;
    if (bit == 0 || (prot & bit) != 0) return std::nullopt;
    prot |= bit;
  }
  return word.empty() ? std::nullopt : std::optional(prot);
}

std::string prot_word(int prot) {
  std::string word;
  if ((prot & PROT_READ) != 0) word += 'r';
  if ((prot & PROT_WRITE) != 0) word += 'w';
  if ((prot & PROT_EXEC) != 0) word += 'x';
  return word.empty() ? "none" : word;
}

}  // namespace quire::litmus
