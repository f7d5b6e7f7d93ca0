// sysfs/thp_tree.h - the kernel's transparent_hugepage folder over one
// modelled kernel.
//
// Mirrors: /sys/kernel/mm/transparent_hugepage, Linux 6.18, x86-64: names,
// texts, accepted values, errors. Differs: files of what is not modelled are
// absent; not_modelled() names them. Files of some builds of 6.18 are there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/attributes.h"
#include "policy/settings.h"
#include "quire/result.h"
#include "stats/counters.h"

namespace quire::sysfs {

// What khugepaged reports of itself; a machine without the daemon has done 0.
struct KhugepagedProgress {
  std::function<std::uint64_t()> full_scans = [] { return std::uint64_t{0}; };
  std::function<std::uint64_t()> pages_collapsed = [] { return std::uint64_t{0}; };
};

// Files the kernel has and this tree has not, and why. A `*` stands for one
// size.
struct NotModelled {
  std::string_view path;  // "hugepages-*/stats/swpout"
  std::string_view why;
};
[[nodiscard]] std::span<const NotModelled> not_modelled();

// Whether the folder of that size has this file. Order 1 is a size of files
// only: it lacks what anonymous memory counts.
[[nodiscard]] bool is_counted_for(stats::MthpStat stat, Order order);

// ThpTree shows settings and counters as files.
//
// Refers to   : the settings and the counters, which must outlive it.
// Invariants  : I-SYSFS-1 a write that is refused changes nothing.
//               I-SYSFS-2 the hook runs after each accepted write, once, and
//                         never else.
// Paths are below the folder ("khugepaged/defrag") or absolute; a slash at
// the end is ignored. Errors: kNoEnt no such path, kNotDir a file used as a
// folder, kIsDir a folder used as a file, kAcces a file that can only be
// read, kInval and kRange a value that is not accepted.
class ThpTree {
 public:
  ThpTree(policy::Settings& settings, const stats::Counters& counters, KhugepagedProgress progress = {});

  // Adds the files that only the named policy of the settings has.
  void show_policy_files();

  // Called when a setting may have changed, for masks kept from it.
  void on_change(std::function<void()> hook) { hook_ = std::move(hook); }

  // The names in a folder, sorted; "" is the top.
  [[nodiscard]] Result<std::vector<std::string>, Errno> list(std::string_view dir) const;
  // The text of a file, newline included.
  [[nodiscard]] Result<std::string, Errno> read(std::string_view path) const;
  // One write(2) of `text`. Like the kernel's, it looks at the first 4096
  // bytes only, and writing nothing changes nothing.
  [[nodiscard]] Result<void, Errno> write(std::string_view path, std::string_view text);

  // All files, below the folder, sorted.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] bool writable(std::string_view path) const;

 private:
  struct File {
    const policy::Attribute* attribute = nullptr;  // nullptr: read only
    std::function<std::string()> read;
  };
  void add_settings();
  void add_stats();
  void add_setting(const policy::Attribute& a);
  void add_stat(stats::MthpStat stat, Order order);
  [[nodiscard]] Result<const File*, Errno> find_file(std::string_view path) const;
  [[nodiscard]] bool is_dir(std::string_view path) const;
  [[nodiscard]] bool below_a_file(std::string_view path) const;

  policy::Settings& settings_;
  const stats::Counters& counters_;
  std::map<std::string, File, std::less<>> files_;
  std::function<void()> hook_;
};

}  // namespace quire::sysfs
