#include "policy/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <vector>

#include "base/size.h"
#include "policy/attributes.h"
#include "policy/near_miss.h"
#include "policy/policy.h"

namespace quire::policy {

namespace {

constexpr std::string_view kSpace = " \t\n";
constexpr std::string_view kShmem = "shared memory has no policy yet: only anonymous sizes can be set";

// Words can come from a file of somebody else: nothing that steers a
// terminal, and not too much of it.
std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string out;
  for (const char c : text.substr(0, kMost)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return text.size() > kMost ? out + "..." : out;
}

std::unexpected<Diagnostic> refuse(std::string_view word, std::string what, std::string hint = {}) {
  return fail(Diagnostic{.kind = Diagnostic::Kind::kUsage,
                         .where = fmt::format("policy \"{}\"", shown(word)),
                         .what = std::move(what),
                         .hint = std::move(hint)});
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> found;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) return found;
    const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

template <typename Enum>
std::vector<std::string> candidates(Enum any) {
  return {words(any).begin(), words(any).end()};
}

std::vector<std::string> size_names() {
  std::vector<std::string> names;
  for (unsigned order = 0; order <= kPmdOrder; ++order)
    if (kAnonOrders.contains(Order(order))) names.push_back(base::short_size(Order(order).bytes()));
  return names;
}

// --- sizes -----------------------------------------------------------------

// The factor of a unit, in any mix of large and small letters.
std::optional<unsigned> unit_shift(std::string_view unit) {
  std::string small(unit);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 0x20);
  if (small.empty() || small == "b") return 0;
  for (const auto& [letter, shift] : {std::pair{'k', 10U}, std::pair{'m', 20U}, std::pair{'g', 30U}}) {
    const std::string_view rest = std::string_view(small).substr(1);
    if (small[0] == letter && (rest.empty() || rest == "b" || rest == "ib")) return shift;
  }
  return std::nullopt;
}

// A number of bytes as the kernel's memparse reads it: hexadecimal after 0x.
// It would read "0100" as octal; nobody means that, so it is no number here.
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  int radix = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    radix = 16;
  } else if (text.starts_with('0')) {
    return std::nullopt;
  }
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, radix);
  if (error != std::errc{}) return std::nullopt;
  const auto shift = unit_shift(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!shift || n > (~0ULL >> *shift)) return std::nullopt;
  return n << *shift;
}

Result<Order, Diagnostic> parse_order(std::string_view word, std::string_view size) {
  const std::optional<std::uint64_t> bytes = parse_bytes(size);
  if (bytes && std::has_single_bit(*bytes) && *bytes >= kPageSize) {
    const Order order(static_cast<unsigned>(std::countr_zero(*bytes)) - kPageShift);
    if (order.raw() < 32 && kAnonOrders.contains(order)) return order;
  }
  std::string hint = did_you_mean(size, size_names());
  if (bytes == kPageSize) hint = "4K pages are always there; \"4K\" alone means no large folios";
  if (bytes == 2 * kPageSize) hint = "two pages are too few for a large anonymous folio";
  return refuse(word,
                fmt::format("\"{}\" is not a size of anonymous folios (EINVAL): accepted are {}", shown(size),
                            accepted_sizes()),
                std::move(hint));
}

// --- the first word ----------------------------------------------------------

Settings nothing() {
  Settings s;
  s.size.fill(SizeEnabled::never);
  return s;
}

Result<Settings, Diagnostic> parse_size_list(std::string_view word) {
  Settings s = nothing();
  for (const std::string_view size : split(word, '+'))
    s.at(QUIRE_TRY(parse_order(word, size))) = SizeEnabled::always;
  return s;
}

Settings all_sizes() {
  Settings s = nothing();
  for (unsigned order = 0; order <= kPmdOrder; ++order)
    if (kAnonOrders.contains(Order(order))) s.at(Order(order)) = SizeEnabled::always;
  return s;
}

Settings never() {
  Settings s = nothing();
  s.enabled = GlobalEnabled::never;
  return s;
}

std::string hint_for_unknown(std::string_view word) {
  for (const std::string_view global : words(GlobalEnabled{}))
    if (word == global) return fmt::format("the global file is written as transparent_hugepage={}", word);
  std::vector<std::string> known{"never", "4K", "all", "transparent_hugepage=", "thp_anon="};
  for (const Policy* policy : named_policies()) known.emplace_back(policy->name);
  for (std::string& size : size_names()) known.push_back(std::move(size));
  for (const Attribute& a : attributes()) known.push_back(a.path + "=");
  return did_you_mean(word, known);
}

std::unexpected<Diagnostic> unknown_word(std::string_view word) {
  return refuse(
      word,
      fmt::format("not a policy: accepted are {}, never, 4K, all, sizes ({}, several joined by +), "
                  "transparent_hugepage=, thp_anon=, settings files as path=value, and first of all "
                  "{}",
                  kLinux618.name, accepted_sizes(), policy_names()),
      hint_for_unknown(word));
}

// What the word without "=" stands for.
Result<Settings, Diagnostic> parse_base(std::string_view word) {
  if (const Policy* named = find_policy(word)) return settings_of(*named);
  if (word == "never" || word == "4K") return never();
  if (word == "all") return all_sizes();
  const bool looks_like_sizes = word[0] >= '0' && word[0] <= '9';
  if (looks_like_sizes) return parse_size_list(word);
  return unknown_word(word);
}

// --- boot words --------------------------------------------------------------

template <typename Enum>
Result<Enum, Diagnostic> parse_choice(std::string_view word, std::string_view value) {
  const auto accepted = words(Enum{});
  for (std::size_t i = 0; i < accepted.size(); ++i)
    if (value == accepted[i]) return static_cast<Enum>(i);
  return refuse(
      word,
      fmt::format("\"{}\" is not a value (EINVAL): accepted are {}", shown(value), fmt::join(accepted, ", ")),
      did_you_mean(value, candidates(Enum{})));
}

struct OrderRange {
  Order first;
  Order last;
};

Result<OrderRange, Diagnostic> parse_range(std::string_view word, std::string_view range) {
  const std::size_t dash = range.find('-');
  const Order first = QUIRE_TRY(parse_order(word, range.substr(0, dash)));
  if (dash == std::string_view::npos) return OrderRange{first, first};
  const Order last = QUIRE_TRY(parse_order(word, range.substr(dash + 1)));
  if (first <= last) return OrderRange{first, last};
  return refuse(word,
                fmt::format("\"{}\" is an empty range (EINVAL): the smaller size comes first", shown(range)));
}

// One "ranges:mode" of thp_anon=.
Result<void, Diagnostic> apply_group(Settings& s, std::string_view word, std::string_view group) {
  const std::size_t colon = group.find(':');
  if (colon == std::string_view::npos)
    return refuse(
        word, fmt::format("\"{}\" has no mode (EINVAL): written as 16K-64K:always;2M:never, the modes are {}",
                          shown(group), fmt::join(words(SizeEnabled{}), ", ")));
  const SizeEnabled mode = QUIRE_TRY(parse_choice<SizeEnabled>(word, group.substr(colon + 1)));
  for (const std::string_view text : split(group.substr(0, colon), ',')) {
    const OrderRange range = QUIRE_TRY(parse_range(word, text));
    for (unsigned order = range.first.raw(); order <= range.last.raw(); ++order) s.at(Order(order)) = mode;
  }
  return {};
}

bool is_boot_key(std::string_view key) { return key == "transparent_hugepage" || key == "thp_anon"; }

// --- files -------------------------------------------------------------------

std::unexpected<Diagnostic> unknown_key(std::string_view word, std::string_view key) {
  if (key.find("shmem") != std::string_view::npos || key.find("tmpfs") != std::string_view::npos)
    return refuse(word, std::string(kShmem));
  if (key == "hpage_pmd_size" || key == "khugepaged/full_scans" || key == "khugepaged/pages_collapsed" ||
      key.find("/stats/") != std::string_view::npos)
    return refuse(word, fmt::format("{} can only be read (EACCES)", shown(key)));
  std::vector<std::string> known{"transparent_hugepage", "thp_anon"};
  for (const Attribute& a : attributes()) known.push_back(a.path);
  return refuse(
      word,
      fmt::format("\"{}\" is neither a boot word nor a settings file (ENOENT): accepted are "
                  "transparent_hugepage=, thp_anon=, enabled=, defrag=, use_zero_page=, "
                  "shrink_underused=, anon_beside_full=, hugepages-<size>kB/enabled= and khugepaged/<file>=",
                  shown(key)),
      did_you_mean(key, known));
}

std::unexpected<Diagnostic> sizes_are_its_own(std::string_view word, const Settings& s) {
  return refuse(word,
                fmt::format("the policy {} has sizes of its own: it does not look at this", s.policy->name),
                "the global file is written as transparent_hugepage=");
}

std::unexpected<Diagnostic> of_other_policies(std::string_view word, const Attribute& attribute) {
  std::vector<std::string_view> owners;
  for (const Policy* policy : named_policies())
    if (std::ranges::find(policy->files, attribute.path) != policy->files.end())
      owners.push_back(policy->name);
  return refuse(word, fmt::format("{} is a file of {} only", attribute.path, fmt::join(owners, ", ")));
}

Result<void, Diagnostic> apply_file(Settings& s, std::string_view word, std::string_view key,
                                    std::string_view value) {
  if (key.starts_with(kSysfsPrefix)) key.remove_prefix(kSysfsPrefix.size());
  const Attribute* attribute = find_attribute(s, key);
  for (const Attribute& extra : extra_attributes())
    if (attribute == nullptr && extra.path == key) return of_other_policies(word, extra);
  if (attribute == nullptr) return unknown_key(word, key);
  if (attribute->order != kOrder0 && s.policy->sizes == Policy::Sizes::kOwn)
    return sizes_are_its_own(word, s);
  // Writing nothing to a file is no error in the kernel, and no change.
  const Result<void, Errno> stored =
      value.empty() ? fail(Errno::kInval) : attribute->store(s, attribute->order, value);
  if (stored) return {};
  const std::vector<std::string> known{"always", "defer", "defer+madvise", "inherit", "madvise", "never"};
  return refuse(word,
                fmt::format("\"{}\" is not a value of {} ({}): accepted is {}", shown(value), attribute->path,
                            errno_name(stored.error()), attribute->accepts),
                attribute->accepts.find("never") == std::string::npos ? "" : did_you_mean(value, known));
}

// --- all together --------------------------------------------------------------

struct Assignment {
  std::string_view word;
  std::string_view key;
  std::string_view value;
};

// Reads a policy word by word into boot words and files.
//
// States: words are sorted first, then applied by settings().
class PolicyWords {
 public:
  Result<void, Diagnostic> add(std::string_view word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return add_base(word);
    const Assignment a{word, word.substr(0, equals), word.substr(equals + 1)};
    (is_boot_key(a.key) ? boot_ : files_).push_back(a);
    first_ = false;
    return {};
  }

  Result<Settings, Diagnostic> settings() const {
    Settings s = base_;
    for (const Assignment& a : boot_) QUIRE_TRY(apply_boot(s, a));
    for (const Assignment& a : files_) QUIRE_TRY(apply_file(s, a.word, a.key, a.value));
    return s;
  }

 private:
  Result<void, Diagnostic> add_base(std::string_view word) {
    base_ = QUIRE_TRY(parse_base(word));
    if (!first_)
      return refuse(word, "says all settings and would undo the words before it",
                    "put it first, and only one such word");
    names_sizes_ = find_policy(word) == nullptr;
    first_ = false;
    return {};
  }

  Result<void, Diagnostic> apply_boot(Settings& s, const Assignment& a) const {
    if (a.key == "transparent_hugepage") {
      s.enabled = QUIRE_TRY(parse_choice<GlobalEnabled>(a.word, a.value));
      return {};
    }
    if (s.policy->sizes == Policy::Sizes::kOwn) return sizes_are_its_own(a.word, s);
    if (names_sizes_)
      return refuse(a.word, "the first word of this policy already says every size",
                    "leave one of the two out, or write the sizes as hugepages-64kB/enabled=always");
    // Any thp_anon= at all, and 2 MiB no longer inherits by itself.
    if (&a == first_thp_anon()) s.size.fill(SizeEnabled::never);
    for (const std::string_view group : split(a.value, ';')) QUIRE_TRY(apply_group(s, a.word, group));
    return {};
  }

  const Assignment* first_thp_anon() const {
    for (const Assignment& a : boot_)
      if (a.key == "thp_anon") return &a;
    return nullptr;
  }

  Settings base_;
  bool first_ = true;
  bool names_sizes_ = false;
  std::vector<Assignment> boot_;
  std::vector<Assignment> files_;
};

}  // namespace

std::string policy_names() {
  std::vector<std::string_view> names;
  for (const Policy* policy : named_policies().subspan(1)) names.push_back(policy->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string accepted_sizes() { return fmt::format("{}", fmt::join(size_names(), " ")); }

Result<Settings, Diagnostic> parse_policy(std::string_view text) {
  const std::vector<std::string_view> found = split_words(text);
  if (found.empty())
    return refuse(text, "no policy given",
                  "for example 64K, 16K+64K, 2M, all, never, linux-6.18 or thp_anon=16K-64K:always");
  // The kernel's readers stop at a NUL byte; here nothing is left unread.
  if (text.find('\0') != std::string_view::npos) return refuse(text, "has an unprintable byte");
  PolicyWords policy;
  for (const std::string_view word : found) QUIRE_TRY(policy.add(word));
  return policy.settings();
}

}  // namespace quire::policy
