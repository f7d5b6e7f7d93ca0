#include "policy/attributes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/size.h"
#include "policy/kernel_text.h"
#include "policy/policy.h"

namespace quire::policy {

namespace {

constexpr std::array<std::string_view, 3> kGlobalWords{"always", "madvise", "never"};
constexpr std::array<std::string_view, 4> kSizeWords{"always", "inherit", "madvise", "never"};
constexpr std::array<std::string_view, 5> kDefragWords{"always", "defer", "defer+madvise", "madvise",
                                                       "never"};

// Reading shows all words with the current one in brackets.
template <typename Enum>
std::string show_choice(Enum value) {
  std::string out;
  for (const std::string_view w : words(value)) {
    if (!out.empty()) out += ' ';
    out += w == word(value) ? fmt::format("[{}]", w) : std::string(w);
  }
  return out + '\n';
}

template <typename Enum>
Result<void, Errno> store_choice(Enum& field, std::string_view written) {
  const auto all = words(field);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!sysfs_streq(written, all[i])) continue;
    field = static_cast<Enum>(i);
    return {};
  }
  return fail(Errno::kInval);
}

template <typename Enum>
std::string accepted_words(Enum any) {
  const auto all = words(any);
  return fmt::format("{} or {}", fmt::join(all.first(all.size() - 1), ", "), all.back());
}

// A flag of the kind that tells "too large for any number" from "not 0 or 1".
Result<void, Errno> store_flag(bool& field, std::string_view written) {
  const std::uint64_t value = QUIRE_TRY(kstrtoul(written));
  if (value > 1) return fail(Errno::kInval);
  field = value == 1;
  return {};
}

// The files of khugepaged answer EINVAL to every number they do not like.
Result<void, Errno> store_number(std::uint32_t& field, std::string_view written, std::uint64_t least,
                                 std::uint64_t most) {
  const Result<std::uint64_t, Errno> value = kstrtoul(written);
  if (!value || *value < least || *value > most) return fail(Errno::kInval);
  field = static_cast<std::uint32_t>(*value);
  return {};
}

std::string show_flag(bool value) { return value ? "1\n" : "0\n"; }
std::string show_number(std::uint32_t value) { return fmt::format("{}\n", value); }

constexpr std::uint64_t kMaxUint = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMaxPtes = (1U << kPmdOrder) - 1;

template <std::uint32_t KhugepagedSettings::* kField, std::uint64_t kLeast, std::uint64_t kMost>
Attribute khugepaged_number(std::string_view name, std::string_view meaning) {
  return {.path = fmt::format("khugepaged/{}", name),
          .accepts = fmt::format("a number from {} to {}", kLeast, kMost),
          .meaning = meaning,
          .order = kOrder0,
          .show = [](const Settings& s, Order) { return show_number(s.khugepaged.*kField); },
          .store =
              [](Settings& s, Order, std::string_view written) {
                return store_number(s.khugepaged.*kField, written, kLeast, kMost);
              }};
}

Attribute size_enabled(Order size) {
  return {
      .path = fmt::format("hugepages-{}/enabled", base::sysfs_size(size)),
      .accepts = accepted_words(SizeEnabled{}),
      .meaning = "Which anonymous mappings may use folios of this size.",
      .order = size,
      .show = [](const Settings& s, Order o) { return show_choice(s.at(o)); },
      .store = [](Settings& s, Order o, std::string_view written) { return store_choice(s.at(o), written); }};
}

std::vector<Attribute> top_attributes() {
  return {
      {"enabled", accepted_words(GlobalEnabled{}),
       "Which anonymous mappings may use the sizes that say inherit.", kOrder0,
       [](const Settings& s, Order) { return show_choice(s.enabled); },
       [](Settings& s, Order, std::string_view w) { return store_choice(s.enabled, w); }},
      {"defrag", accepted_words(Defrag{}),
       "How hard a fault tries to make a free block when there is none of the size.", kOrder0,
       [](const Settings& s, Order) { return show_choice(s.defrag); },
       [](Settings& s, Order, std::string_view w) { return store_choice(s.defrag, w); }},
      {"use_zero_page", "0 or 1", "Whether a read of an untouched 2 MiB block maps the huge zero folio.",
       kOrder0, [](const Settings& s, Order) { return show_flag(s.use_zero_page); },
       [](Settings& s, Order, std::string_view w) { return store_flag(s.use_zero_page, w); }},
      {"shrink_underused", "0 or 1 (also n, y, off, on and the like)",
       "Whether 2 MiB folios are queued to be split when most of their pages hold only zeroes.", kOrder0,
       [](const Settings& s, Order) { return show_flag(s.shrink_underused); },
       [](Settings& s, Order, std::string_view w) -> Result<void, Errno> {
         s.shrink_underused = QUIRE_TRY(kstrtobool(w));
         return {};
       }},
      {"anon_beside_full", "0 or 1",
       "Whether a fault below 2 MiB gets a size only beside a block of it that has no empty entry.", kOrder0,
       [](const Settings& s, Order) { return show_flag(s.anon_beside_full); },
       [](Settings& s, Order, std::string_view w) { return store_flag(s.anon_beside_full, w); },
       Builds::kSome},
      {"khugepaged/defrag", "0 or 1", "Whether khugepaged compacts and reclaims memory to get a 2 MiB block.",
       kOrder0, [](const Settings& s, Order) { return show_flag(s.khugepaged.defrag); },
       [](Settings& s, Order, std::string_view w) { return store_flag(s.khugepaged.defrag, w); }},
  };
}

std::vector<Attribute> khugepaged_attributes() {
  using K = KhugepagedSettings;
  return {
      khugepaged_number<&K::pages_to_scan, 1, kMaxUint>(
          "pages_to_scan", "How many base pages khugepaged looks at before it sleeps."),
      khugepaged_number<&K::scan_sleep_millisecs, 0, kMaxUint>(
          "scan_sleep_millisecs", "How long khugepaged sleeps between two scans."),
      khugepaged_number<&K::alloc_sleep_millisecs, 0, kMaxUint>(
          "alloc_sleep_millisecs", "How long khugepaged sleeps after it got no 2 MiB block."),
      khugepaged_number<&K::max_ptes_none, 0, kMaxPtes>(
          "max_ptes_none",
          "How many of 512 pages may be empty for khugepaged to collapse them; more "
          "zero-filled pages than this make a 2 MiB folio underused."),
      khugepaged_number<&K::max_ptes_swap, 0, kMaxPtes>(
          "max_ptes_swap", "How many of 512 pages may be in swap for khugepaged to collapse them."),
      khugepaged_number<&K::max_ptes_shared, 0, kMaxPtes>(
          "max_ptes_shared",
          "How many of 512 pages may be shared with other processes for khugepaged to collapse them."),
  };
}

std::vector<Attribute> make_attributes() {
  std::vector<Attribute> all = top_attributes();
  for (Attribute& a : khugepaged_attributes()) all.push_back(std::move(a));
  for (unsigned order = 0; order <= kPmdOrder; ++order)
    if (kAnonOrders.contains(Order(order))) all.push_back(size_enabled(Order(order)));
  std::ranges::sort(all, {}, &Attribute::path);
  return all;
}

template <std::uint32_t LafSettings::* kField, std::uint64_t kLeast>
Attribute laf_order(std::string_view name, std::string_view meaning) {
  return {.path = std::string(name),
          .accepts = fmt::format("a number from {} to {}", kLeast, kPmdOrder - 1),
          .meaning = meaning,
          .order = kOrder0,
          .show = [](const Settings& s, Order) { return show_number(s.laf.*kField); },
          .store =
              [](Settings& s, Order, std::string_view written) {
                return store_number(s.laf.*kField, written, kLeast, kPmdOrder - 1);
              }};
}

std::vector<Attribute> make_extra_attributes() {
  using L = LafSettings;
  return {laf_order<&L::arch_wants_pte_order, 0>("laf_arch_wants_pte_order",
                                                 "The order the architecture prefers; below 3 counts as 3."),
          {"laf_enable", accepted_words(GlobalEnabled{}), "Which mappings may have large folios below 2 MiB.",
           kOrder0, [](const Settings& s, Order) { return show_choice(s.laf.enable); },
           [](Settings& s, Order, std::string_view w) { return store_choice(s.laf.enable, w); }},
          laf_order<&L::max_order, 2>("laf_max_order", "The order of the largest folio below 2 MiB."),
          laf_order<&L::unhinted_max_order, 2>("laf_unhinted_max_order",
                                               "The largest order of mappings that may not have 2 MiB."),
          {"thp_cow", accepted_words(GlobalEnabled{}),
           "Where a write to a shared 2 MiB mapping copies all of it.", kOrder0,
           [](const Settings& s, Order) { return show_choice(s.thp_cow); },
           [](Settings& s, Order, std::string_view w) { return store_choice(s.thp_cow, w); }}};
}

}  // namespace

std::span<const std::string_view> words(GlobalEnabled) { return kGlobalWords; }
std::span<const std::string_view> words(SizeEnabled) { return kSizeWords; }
std::span<const std::string_view> words(Defrag) { return kDefragWords; }

std::span<const Attribute> attributes() {
  static const std::vector<Attribute> kAll = make_attributes();
  return kAll;
}

std::span<const Attribute> extra_attributes() {
  static const std::vector<Attribute> kExtra = make_extra_attributes();
  return kExtra;
}

const Attribute* find_attribute(const Settings& settings, std::string_view path) {
  if (std::ranges::find(settings.policy->files, path) == settings.policy->files.end())
    return find_attribute(path);
  return &*std::ranges::find(extra_attributes(), path, &Attribute::path);
}

const Attribute* find_attribute(std::string_view path) {
  const auto found = std::ranges::lower_bound(attributes(), path, {}, &Attribute::path);
  return found != attributes().end() && found->path == path ? &*found : nullptr;
}

}  // namespace quire::policy
