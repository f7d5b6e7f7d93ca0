// Traps of khugepaged, and of what undoes its work.
#include <fmt/format.h>

#include "live/doctor/traps.h"
#include "quire/types.h"

namespace quire::live::doctor {
namespace {

constexpr std::uint64_t kAllButOne = (1U << kPmdOrder) - 1;
constexpr std::uint64_t kRestlessMillisecs = 100;
constexpr std::uint64_t kHourMillisecs = 3'600'000;

bool always_2m(const HostFacts& facts) { return facts.rule_of_2m() == "always"; }

bool fills_single_pages(const HostFacts& facts) {
  return facts.number("khugepaged/max_ptes_none").value_or(0) >= kAllButOne;
}

}  // namespace

std::optional<Finding> sparse_memory_grows(const HostFacts& facts) {
  if (!always_2m(facts) || !fills_single_pages(facts)) return std::nullopt;
  return Finding{
      fmt::format("2 MiB is always, and khugepaged/max_ptes_none is {}",
                  facts.word("khugepaged/max_ptes_none")),
      "khugepaged makes 2 MiB of a block of which one page is used: memory that a program touched here "
      "and there, or gave back in part, grows up to 512 times",
      "write 0 to khugepaged/max_ptes_none (64 allows one empty page in eight), or let programs ask: "
      "enabled=madvise"};
}

std::optional<Finding> underused_never_split(const HostFacts& facts) {
  const bool off = facts.word("shrink_underused") == "0";
  if (!always_2m(facts) || facts.word("shrink_underused").empty()) return std::nullopt;
  if (!off && !fills_single_pages(facts)) return std::nullopt;
  return Finding{
      off ? "2 MiB is always, and shrink_underused is 0"
          : "2 MiB is always, and shrink_underused does nothing, since khugepaged/max_ptes_none is 511",
      "a 2 MiB folio of which most is zeroes is split under memory pressure when more than max_ptes_none of "
      "its 512 pages are zero; with these settings none ever is, and what is wasted stays wasted",
      "write 1 to shrink_underused and 409 or less to khugepaged/max_ptes_none"};
}

std::optional<Finding> khugepaged_restless(const HostFacts& facts) {
  const auto sleep = facts.number("khugepaged/scan_sleep_millisecs");
  if (!sleep || *sleep >= kRestlessMillisecs || facts.rule_of_2m() == "never") return std::nullopt;
  return Finding{
      fmt::format("khugepaged/scan_sleep_millisecs is {}", *sleep),
      "khugepaged scans and copies without a pause: it takes much of a cpu, and locks the memory of programs "
      "while it works",
      "10000 is what Linux boots with"};
}

std::optional<Finding> khugepaged_asleep(const HostFacts& facts) {
  const auto sleep = facts.number("khugepaged/scan_sleep_millisecs");
  if (!sleep || *sleep <= kHourMillisecs || facts.rule_of_2m() == "never") return std::nullopt;
  return Finding{
      fmt::format("khugepaged/scan_sleep_millisecs is {}: {} hours", *sleep, *sleep / kHourMillisecs),
      "memory that did not get 2 MiB at its first touch never will; Quire does this while it measures, and "
      "puts it back",
      "when nothing measures now: quire restore, or write 10000"};
}

}  // namespace quire::live::doctor
