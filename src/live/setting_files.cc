#include "live/setting_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <tuple>

#include "base/size.h"
#include "policy/policy.h"

namespace quire::live {

namespace {

constexpr std::array kGlobalWords{"always", "madvise", "never"};
constexpr std::array kSizeWords{"always", "inherit", "madvise", "never"};
constexpr std::array kDefragWords{"always", "defer", "defer+madvise", "madvise", "never"};

template <typename Words, typename E>
std::string word_of(const Words& words, E value) {
  return words.at(static_cast<std::size_t>(value));
}

std::string flag(bool on) { return on ? "1" : "0"; }

std::string size_file(Order order) { return fmt::format("hugepages-{}/enabled", base::sysfs_size(order)); }

constexpr const char* kBesideFull = "anon_beside_full";

bool is_size_file(const std::string& path) { return path.starts_with("hugepages-"); }

// Lower is written earlier; the reason stands at setting_values().
int rank(const SettingValue& v, WriteOrder order) {
  if (v.path == "khugepaged/scan_sleep_millisecs") return order == WriteOrder::applying ? 0 : 7;
  if (v.path.starts_with("khugepaged/")) return order == WriteOrder::applying ? 1 : 6;
  if (v.path == kBesideFull) return v.value == "1" ? 1 : 5;
  if (is_size_file(v.path)) return v.value == "inherit" ? 4 : 2;
  return v.path == "enabled" ? 3 : 1;
}

std::vector<SettingValue> khugepaged_values(const policy::KhugepagedSettings& k, KhugepagedSleep sleep) {
  const std::uint32_t millisecs =
      sleep == KhugepagedSleep::asleep ? kAsleepMillisecs : k.scan_sleep_millisecs;
  return {{"khugepaged/scan_sleep_millisecs", std::to_string(millisecs)},
          {"khugepaged/alloc_sleep_millisecs", std::to_string(k.alloc_sleep_millisecs)},
          {"khugepaged/defrag", flag(k.defrag)},
          {"khugepaged/pages_to_scan", std::to_string(k.pages_to_scan)},
          {"khugepaged/max_ptes_none", std::to_string(k.max_ptes_none)},
          {"khugepaged/max_ptes_swap", std::to_string(k.max_ptes_swap)},
          {"khugepaged/max_ptes_shared", std::to_string(k.max_ptes_shared)}};
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Released kernels have no such file: they do as 0 says.
Result<void, Diagnostic> add_beside_full(std::vector<SettingValue>& values, bool wanted,
                                         const std::filesystem::path& root) {
  if (is_there(root / kBesideFull)) {
    values.push_back({kBesideFull, flag(wanted)});
  } else if (wanted) {
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, (root / kBesideFull).string(),
                           "this kernel has no such file, which only some builds of Linux 6.18 have",
                           "leave it at 0"});
  }
  return {};
}

Result<void, Diagnostic> add_size(std::vector<SettingValue>& values, const policy::Settings& settings,
                                  Order order, const std::filesystem::path& root) {
  const policy::SizeEnabled wanted = settings.at(order);
  const std::string file = size_file(order);
  if (is_there(root / file)) {
    values.push_back({file, word_of(kSizeWords, wanted)});
  } else if (wanted != policy::SizeEnabled::never) {
    return fail(
        Diagnostic{Diagnostic::Kind::kPrivilege, (root / file).string(),
                   fmt::format("this kernel has no {} folios for anonymous memory", base::sysfs_size(order)),
                   "leave that size at 'never'"});
  }
  return {};
}

}  // namespace

Result<std::vector<SettingValue>, Diagnostic> setting_values(const policy::Settings& settings,
                                                             const std::filesystem::path& root,
                                                             KhugepagedSleep sleep) {
  if (settings.policy != &policy::kLinux618) {
    return fail(Diagnostic{Diagnostic::Kind::kUsage, std::string(settings.policy->name),
                           "a policy of Quire's engine only: no running kernel has it", "replay it instead"});
  }
  if (!is_there(root / "enabled")) {
    return fail(Diagnostic{Diagnostic::Kind::kPrivilege, (root / "enabled").string(),
                           "this kernel has no transparent huge pages", ""});
  }
  std::vector<SettingValue> values = khugepaged_values(settings.khugepaged, sleep);
  values.push_back({"defrag", word_of(kDefragWords, settings.defrag)});
  values.push_back({"use_zero_page", flag(settings.use_zero_page)});
  values.push_back({"shrink_underused", flag(settings.shrink_underused)});
  // Older kernels lack some of these; what they lack they also do not do.
  std::erase_if(values, [&](const SettingValue& v) { return !is_there(root / v.path); });
  QUIRE_TRY(add_beside_full(values, settings.anon_beside_full, root));
  values.push_back({"enabled", word_of(kGlobalWords, settings.enabled)});
  for (unsigned order = 0; order <= kPmdOrder; ++order) {
    if (kAnonOrders.contains(Order(order))) QUIRE_TRY(add_size(values, settings, Order(order), root));
  }
  sort_for_writing(values, WriteOrder::applying);
  return values;
}

void sort_for_writing(std::vector<SettingValue>& values, WriteOrder order) {
  std::sort(values.begin(), values.end(), [order](const SettingValue& a, const SettingValue& b) {
    return std::tuple(rank(a, order), a.path) < std::tuple(rank(b, order), b.path);
  });
}

}  // namespace quire::live
