#include "lab/baselines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/size.h"
#include "lab/replay_many.h"
#include "policy/parse.h"

namespace quire::lab {
namespace {

using Say = OwnAdvice::Say;
using Heap = OwnAdvice::Heap;
using AfterFork = OwnAdvice::AfterFork;
using policy::SizeEnabled;

policy::Settings settings_of(const char* words) {
  const auto settings = policy::parse_policy(words);
  QUIRE_CHECK(settings.has_value());
  return *settings;
}

// All private anonymous mappings as they are made, and the heap as it grows.
OwnAdvice on_all_memory(Say say, Heap heap) {
  return {.say = say, .heap = heap, .mappings_from = kOrder0.bytes()};
}

// As eager as its files allow: a gigabyte ten times a second, whatever stands in a block.
policy::Settings with_eager_khugepaged() {
  policy::Settings settings = settings_of("2M");
  settings.khugepaged.pages_to_scan = 1U << (30 - kPageShift);
  settings.khugepaged.scan_sleep_millisecs = 100;
  settings.khugepaged.max_ptes_none = kPagesPerPmd - 1;
  settings.khugepaged.max_ptes_shared = kPagesPerPmd - 1;
  return settings;
}

std::string size_name(Order order) { return base::short_size(order.bytes()); }
std::string file_of(Order order) { return "hugepages-" + base::sysfs_size(order) + "/enabled"; }

// The variants of one policy, as they are added.
class Ablation {
 public:
  Ablation(const policy::Settings& policy, const OwnAdvice& own) : policy_(policy), own_(own) {}

  std::vector<Variant> make() && {
    sizes();
    switches();
    defrag();
    khugepaged();
    program();
    return std::move(variants_);
  }

 private:
  // A variant whose settings differ by what `change` does to them; none when it does nothing.
  template <typename Change>
  void add(std::string name, std::string today, Change change) {
    policy::Settings changed = policy_;
    change(changed);
    if (changed == policy_) return;
    variants_.push_back(
        {.name = std::move(name), .today = std::move(today), .settings = changed, .own = own_});
  }
  void add_own(std::string name, std::string today, const OwnAdvice& own) {
    if (own == own_) return;
    variants_.push_back(
        {.name = std::move(name), .today = std::move(today), .settings = policy_, .own = own});
  }

  void sizes() {
    for (unsigned o = 2; o <= kPmdOrder; ++o) {
      const Order order(o);
      add("without " + size_name(order), "never in " + file_of(order),
          [order](policy::Settings& s) { s.at(order) = SizeEnabled::never; });
    }
    add("always -> madvise", "madvise in each size's enabled that says always",
        [](policy::Settings& s) { std::ranges::replace(s.size, SizeEnabled::always, SizeEnabled::madvise); });
    for (const auto& [word, value] : {std::pair("always", policy::GlobalEnabled::always),
                                      std::pair("madvise", policy::GlobalEnabled::madvise),
                                      std::pair("never", policy::GlobalEnabled::never)}) {
      if (std::ranges::find(policy_.size, SizeEnabled::inherit) == policy_.size.end()) break;  // nobody asks
      add(fmt::format("enabled={}", word), fmt::format("{} in enabled", word),
          [to = value](policy::Settings& s) { s.enabled = to; });
    }
  }

  void switches() {
    add("use_zero_page=0", "0 in use_zero_page", [](policy::Settings& s) { s.use_zero_page = false; });
    add("shrink_underused=0", "0 in shrink_underused",
        [](policy::Settings& s) { s.shrink_underused = false; });
    add("anon_beside_full=0", "0 in anon_beside_full",
        [](policy::Settings& s) { s.anon_beside_full = false; });
  }

  void defrag() {
    using policy::Defrag;
    for (const auto& [word, value] : {std::pair("always", Defrag::always), std::pair("never", Defrag::never)})
      add(fmt::format("defrag={}", word), fmt::format("{} in defrag", word),
          [to = value](policy::Settings& s) { s.defrag = to; });
  }

  // A replay's khugepaged sleeps; here it does not.
  void khugepaged() {
    const auto awake = [this](std::string name, std::string today, std::uint32_t max_ptes_none) {
      policy::Settings settings = policy_;
      settings.khugepaged.max_ptes_none = max_ptes_none;
      variants_.push_back({.name = std::move(name),
                           .today = std::move(today),
                           .settings = settings,
                           .own = own_,
                           .khugepaged = Khugepaged::kAwake,
                           .acts_on = ActsOn::kCollapsesOfDaemon});
    };
    const std::uint32_t set = policy_.khugepaged.max_ptes_none;
    awake(fmt::format("khugepaged runs, max_ptes_none={}", set), "as set; the other rows are without it",
          set);
    const std::uint32_t other = set == 0 ? kPagesPerPmd - 1 : 0;
    awake(fmt::format("khugepaged runs, max_ptes_none={}", other),
          fmt::format("{} in khugepaged/max_ptes_none", other), other);
  }

  // What the program says itself.
  void program() {
    if (own_ == OwnAdvice{}) return;
    add_own("without the program's change", "nothing to do", {});
    if (own_.say == Say::kNothing) return;
    const auto with = [this](auto change) {
      OwnAdvice own = own_;
      change(own);
      return own;
    };
    if (own_.mappings_from) {
      if (own_.heap != Heap::kNo)
        add_own("without the heap", "no call on the heap",
                with([](OwnAdvice& own) { own.heap = Heap::kNo; }));
      constexpr std::uint64_t kStep = 4;
      const ByteCount from = *own_.mappings_from;
      for (const ByteCount other : {ByteCount(from.raw() / kStep), ByteCount(from.raw() * kStep)})
        add_own(fmt::format("mappings from {} on", base::short_size(other)), "another bound in the program",
                with([other](OwnAdvice& own) { own.mappings_from = other; }));
    }
    if (own_.heap != Heap::kNo && own_.mappings_from)
      add_own("without the mappings", "no call on mappings",
              with([](OwnAdvice& own) { own.mappings_from.reset(); }));
  }

  const policy::Settings& policy_;
  const OwnAdvice& own_;
  std::vector<Variant> variants_;
};

// Why this variant of this recording is no different from what it is a variant of; empty when it may be.
std::string nothing_to_act_on(const Variant& variant, const VariantRuns& runs) {
  const bool after_fork = variant.acts_on == ActsOn::kForks || variant.acts_on == ActsOn::kCollapsesAfterFork;
  if (after_fork && runs.forks == 0) return "nothing to act on: the program forks no address space";
  if (!variant.result || variant.result->collapses != 0) return "";
  switch (variant.acts_on) {
    case ActsOn::kCollapsesAfterFork:
      return fmt::format(
          "nothing to act on: after none of {} forks was there a 2 MiB block in pieces (one that is shared "
          "whole is left alone)",
          runs.forks);
    case ActsOn::kCollapsesOfDaemon:
      return variant.result->khugepaged_passes == 0
                 ? fmt::format("nothing to act on: the run is over before khugepaged wakes, after {} ms",
                               variant.settings.khugepaged.scan_sleep_millisecs)
                 : fmt::format("nothing to act on: khugepaged found no block to collapse in {} passes",
                               variant.result->khugepaged_passes);
    case ActsOn::kAnything:
    case ActsOn::kForks:
      break;
  }
  return "";
}

bool comes_to_the_same(const ReplayResult& a, const ReplayResult& b) {
  return a.minor_faults == b.minor_faults && a.bill.kernel_ns == b.bill.kernel_ns &&
         a.peak_resident == b.peak_resident && a.folios == b.folios;
}

std::string caveat_of(const ReplayResult& result, const VariantRuns& runs) {
  const ReplayResult& beside = *runs.beside;
  if (result.refused > beside.refused)
    return fmt::format(
        "{} recorded faults are in memory that a child then lacks: this program would not run so, and the "
        "figures are a bound",
        result.refused - beside.refused);
  return comes_to_the_same(result, beside)
             ? fmt::format("the same as {} in this recording, to the last folio", runs.beside_name)
             : "";
}

double worst_ratio(const ReplayResult& result, const ReplayResult& beside) {
  const double time = result.bill.kernel_ns / std::max(beside.bill.kernel_ns, 1.0);
  const double memory = static_cast<double>(result.peak_resident.raw()) /
                        static_cast<double>(std::max<std::uint64_t>(beside.peak_resident.raw(), 1));
  return std::max(time, memory);
}

}  // namespace

std::vector<Variant> baselines_beside(const policy::Settings& now) {
  return {
      {.name = "4K only, the lower bound",
       .today = "never in enabled and in each size's enabled",
       .settings = small_pages_only()},
      {.name = "unmodified kernel",
       .today = "nothing to do: Linux 6.18 as it boots",
       .settings = settings_of("linux-6.18")},
      {.name = "2M always",
       .today = "always in hugepages-2048kB/enabled, or in enabled",
       .settings = settings_of("2M")},
      {.name = "all sizes always", .today = "always in each size's enabled", .settings = settings_of("all")},
      {.name = "MADV_DONTFORK",
       .today = "madvise(MADV_DONTFORK) on all private memory but stack and data, on the host as it was",
       .settings = now,
       .own = on_all_memory(Say::kDontFork, Heap::kYes),
       .acts_on = ActsOn::kForks},
      {.name = "MADV_COLLAPSE by parent",
       .today = "madvise(MADV_COLLAPSE) in the parent at once after each fork, on the host as it was",
       .settings = now,
       .own = {.after_fork = AfterFork::kParentCollapses},
       .acts_on = ActsOn::kCollapsesAfterFork},
      {.name = "MADV_COLLAPSE by child",
       .today = "madvise(MADV_COLLAPSE) in the child at once after each fork, on the host as it was",
       .settings = now,
       .own = {.after_fork = AfterFork::kChildCollapses},
       .acts_on = ActsOn::kCollapsesAfterFork},
      {.name = "khugepaged tuned",
       .today = fmt::format("2M always; below khugepaged: pages_to_scan {}, scan_sleep_millisecs 100, "
                            "max_ptes_none {}, max_ptes_shared {}. What it scans is not priced",
                            1U << (30 - kPageShift), kPagesPerPmd - 1, kPagesPerPmd - 1),
       .settings = with_eager_khugepaged(),
       .khugepaged = Khugepaged::kAwake,
       .acts_on = ActsOn::kCollapsesOfDaemon},
      {.name = "hugetlb, all at once",
       .today =
           "MAP_HUGETLB or glibc.malloc.hugetlb=2 and a pool of pages: whole 2 MiB of mappings and heap are "
           "there when they are mapped, the rest comes by faults of all sizes",
       .settings = settings_of("all"),
       .own = on_all_memory(Say::kPopulate, Heap::kAsGlibc)},
      {.name = "oracle, wastes nothing",
       .today = "no interface: it knows what will be written to. Pages that fill only later count as never "
                "touched at the peak; at the end none is",
       .settings = settings_of("foresight")},
  };
}

std::vector<Variant> ablation_of(const policy::Settings& policy, const OwnAdvice& own) {
  return Ablation(policy, own).make();
}

void replay_variants(std::vector<Variant>& variants, const VariantRuns& runs) {
  QUIRE_CHECK(runs.beside != nullptr);
  std::vector<ReplayOptions> options;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    Variant& variant = variants[i];
    variant.missing = nothing_to_act_on(variant, runs);
    if (!variant.missing.empty()) continue;
    which.push_back(i);
    options.push_back({.settings = variant.settings,
                       .ram = runs.ram,
                       .profile = runs.profile,
                       .own = variant.own,
                       .khugepaged = variant.khugepaged});
  }
  replay_each(runs.recording, options, runs.jobs, [&](std::size_t run, auto result) {
    Variant& variant = variants[which[run]];
    if (!result) {
      variant.missing = result.error().what;
      return true;
    }
    variant.result = std::move(*result);
    variant.missing = nothing_to_act_on(variant, runs);
    if (variant.missing.empty()) {
      variant.caveat = caveat_of(*variant.result, runs);
    } else {
      variant.result.reset();
    }
    return true;
  });
}

void sort_losers_first(std::vector<Variant>& variants, const ReplayResult& recommended) {
  std::ranges::stable_sort(variants, std::ranges::greater{}, [&](const Variant& v) {
    return v.result ? worst_ratio(*v.result, recommended) : -1;
  });
}

}  // namespace quire::lab
