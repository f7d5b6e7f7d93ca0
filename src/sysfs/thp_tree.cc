#include "sysfs/thp_tree.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <utility>

#include "base/size.h"
#include "policy/policy.h"

namespace quire::sysfs {

namespace {

using stats::MthpStat;

constexpr std::size_t kOneWrite = 4096;  // the kernel takes a page of text at a time

constexpr std::string_view kNoShmem = "shared memory is not modelled";
constexpr std::array<NotModelled, 5> kNotModelled{{
    {"shmem_enabled", kNoShmem},
    {"hugepages-*/shmem_enabled", kNoShmem},
    {"hugepages-*/stats/shmem_alloc", kNoShmem},
    {"hugepages-*/stats/shmem_fallback", kNoShmem},
    {"hugepages-*/stats/shmem_fallback_charge", kNoShmem},
}};

// The path below the folder, without slashes round it.
std::string_view relative(std::string_view path) {
  const std::string_view folder = policy::kSysfsPrefix.substr(0, policy::kSysfsPrefix.size() - 1);
  if (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'))
    path.remove_prefix(folder.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

bool is_counted_for(MthpStat stat, Order order) {
  if (stat >= MthpStat::collapse_alloc) return false;  // of named policies
  if (kAnonOrders.contains(order)) return true;
  switch (stat) {
    case MthpStat::split:
    case MthpStat::split_failed:
    case MthpStat::zswpout:
    case MthpStat::swpin:
    case MthpStat::swpin_fallback:
    case MthpStat::swpin_fallback_charge:
    case MthpStat::swpout:
    case MthpStat::swpout_fallback:
      return true;
    default:
      return false;  // of anonymous memory, which has no folios of two pages
  }
}

std::span<const NotModelled> not_modelled() { return kNotModelled; }

ThpTree::ThpTree(policy::Settings& settings, const stats::Counters& counters, KhugepagedProgress progress)
    : settings_(settings), counters_(counters) {
  add_settings();
  add_stats();
  files_["hpage_pmd_size"] = {nullptr, [] { return fmt::format("{}\n", kPmdSize); }};
  files_["khugepaged/full_scans"] = {
      nullptr, [read = std::move(progress.full_scans)] { return fmt::format("{}\n", read()); }};
  files_["khugepaged/pages_collapsed"] = {
      nullptr, [read = std::move(progress.pages_collapsed)] { return fmt::format("{}\n", read()); }};
}

void ThpTree::add_settings() {
  for (const policy::Attribute& a : policy::attributes()) add_setting(a);
}

// The attribute is one of those that live as long as the program.
void ThpTree::add_setting(const policy::Attribute& a) {
  files_[a.path] = {&a, [this, &a] { return a.show(settings_, a.order); }};
}

void ThpTree::add_stats() {
  for (unsigned n = 1; n <= kPmdOrder; ++n) {
    const Order order(n);
    for (std::size_t i = 0; i < stats::kMthpStats; ++i) {
      const auto stat = static_cast<MthpStat>(i);
      if (!is_counted_for(stat, order)) continue;
      add_stat(stat, order);
    }
  }
}

void ThpTree::add_stat(MthpStat stat, Order order) {
  files_[fmt::format("hugepages-{}/stats/{}", base::sysfs_size(order), stats::name(stat))] = {
      nullptr, [this, stat, order] { return fmt::format("{}\n", counters_.get(stat, order)); }};
}

void ThpTree::show_policy_files() {
  for (const std::string_view path : settings_.policy->files) {
    const policy::Attribute& a = *policy::find_attribute(settings_, path);
    add_setting(a);
  }
  if (settings_.policy->collapse_orders == nullptr) return;
  for (unsigned n = 2; n < kPmdOrder; ++n) {
    for (std::size_t i = static_cast<std::size_t>(MthpStat::collapse_alloc); i < stats::kMthpStats; ++i)
      add_stat(static_cast<MthpStat>(i), Order(n));
  }
}

bool ThpTree::is_dir(std::string_view path) const {
  if (path.empty()) return true;
  const std::string inside = std::string(path) + '/';
  const auto first = files_.lower_bound(inside);
  return first != files_.end() && first->first.starts_with(inside);
}

bool ThpTree::below_a_file(std::string_view path) const {
  for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1))
    if (files_.contains(path.substr(0, at))) return true;
  return false;
}

Result<const ThpTree::File*, Errno> ThpTree::find_file(std::string_view path) const {
  path = relative(path);
  const auto found = files_.find(path);
  if (found != files_.end()) return &found->second;
  if (is_dir(path)) return fail(Errno::kIsDir);
  return fail(below_a_file(path) ? Errno::kNotDir : Errno::kNoEnt);
}

Result<std::vector<std::string>, Errno> ThpTree::list(std::string_view dir) const {
  dir = relative(dir);
  if (!is_dir(dir)) return fail(files_.contains(dir) || below_a_file(dir) ? Errno::kNotDir : Errno::kNoEnt);
  const std::string inside = dir.empty() ? std::string() : std::string(dir) + '/';
  std::set<std::string> names;
  for (auto at = files_.lower_bound(inside); at != files_.end() && at->first.starts_with(inside); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(inside.size());
    names.emplace(rest.substr(0, rest.find('/')));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::string, Errno> ThpTree::read(std::string_view path) const {
  return QUIRE_TRY(find_file(path))->read();
}

Result<void, Errno> ThpTree::write(std::string_view path, std::string_view text) {
  const File* file = QUIRE_TRY(find_file(path));
  if (file->attribute == nullptr) return fail(Errno::kAcces);
  if (text.empty()) return {};
  QUIRE_TRY(file->attribute->store(settings_, file->attribute->order, text.substr(0, kOneWrite)));
  if (hook_) hook_();
  return {};
}

std::vector<std::string> ThpTree::files() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

bool ThpTree::writable(std::string_view path) const {
  const auto file = find_file(path);
  return file && (*file)->attribute != nullptr;
}

}  // namespace quire::sysfs
