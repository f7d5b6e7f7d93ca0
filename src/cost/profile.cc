#include "cost/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "base/size.h"
#include "config/strict_table.h"
#include "cost/reference_profile.h"

namespace quire::cost {
namespace {

using config::StrictTable;

constexpr std::array<std::string_view, kSizedWorks> kSizedNames{"fault", "fork", "unmap", "split"};
constexpr std::array<std::string_view, kWorks> kNames{"zero_fault",  "file_fault", "copy_fault",
                                                      "reuse_fault", "table",      "split_pmd",
                                                      "collapse",    "swap_out",   "swap_in"};

template <typename Fn>
void each_size(Fn&& fn) {
  for (unsigned o = 0; o <= kOrderPmd.raw(); ++o)
    if (o != 1) fn(Order(o), base::short_size(Order(o).bytes()));
}

bool has_size(SizedWork work, Order order) { return work != SizedWork::kSplit || order != kOrder0; }

std::string text_of(const Time& t) {
  return fmt::format("[{:.1f}, {:.1f}, {:.1f}]", t.median, t.low, t.high);
}

// [median, low, high].
Result<Time, Diagnostic> read_time(StrictTable& table, std::string_view key) {
  const std::vector<double> ns = QUIRE_TRY(table.numbers(key));
  if (ns.size() != 3 || !std::ranges::all_of(ns, [](double n) { return n >= 0 && n <= 1e12; }))
    return fail(table.wrong(key, "is no time, expected [median, low, high], each 0 to 1e12 nanoseconds"));
  if (ns[0] < ns[1] || ns[0] > ns[2])
    return fail(table.wrong(key, "has a median outside of its interval, expected [median, low, high]"));
  return Time{ns[0], ns[1], ns[2]};
}

Result<void, Diagnostic> read_sized(StrictTable& members, SizedWork work, Profile& profile) {
  StrictTable sizes = QUIRE_TRY(members.table(name_of(work)));
  std::optional<Diagnostic> trouble;
  each_size([&](Order order, const std::string& size) {
    if (trouble || !has_size(work, order)) return;
    if (auto time = read_time(sizes, size)) {
      profile.of(work, order) = *time;
    } else {
      trouble = time.error();
    }
  });
  if (trouble) return fail(*trouble);
  return sizes.end();
}

}  // namespace

std::string_view name_of(SizedWork work) { return kSizedNames[static_cast<std::size_t>(work)]; }
std::string_view name_of(Work work) { return kNames[static_cast<std::size_t>(work)]; }

std::string to_toml(const Profile& p) {
  toml::table head{{"name", p.name},
                   {"cpu", p.cpu},
                   {"kernel", p.kernel},
                   {"date", p.date},
                   {"rounds", static_cast<std::int64_t>(p.rounds)}};
  std::ostringstream out;
  out << "# Nanoseconds: [median, low, high]; see docs/reference/profile.md.\n" << head << "\n\n[work]\n";
  for (std::size_t i = 0; i < kWorks; ++i) {
    const auto work = static_cast<Work>(i);
    if (may_be_missing(work) && p.of(work) == Time{}) continue;
    out << kNames[i] << " = " << text_of(p.of(work)) << "\n";
  }
  for (std::size_t i = 0; i < kSizedWorks; ++i) {
    out << "\n[" << kSizedNames[i] << "]\n";
    each_size([&](Order order, const std::string& size) {
      const auto work = static_cast<SizedWork>(i);
      if (has_size(work, order)) out << size << " = " << text_of(p.of(work, order)) << "\n";
    });
  }
  return out.str();
}

Result<Profile, Diagnostic> parse_profile(std::string_view text, const std::string& where) {
  const toml::table table = QUIRE_TRY(config::parse_toml(text, where));
  StrictTable members(table, "", where);
  Profile profile;
  profile.name = QUIRE_TRY(members.value<std::string>("name"));
  profile.cpu = QUIRE_TRY(members.value<std::string>("cpu"));
  profile.kernel = QUIRE_TRY(members.value<std::string>("kernel"));
  profile.date = QUIRE_TRY(members.value<std::string>("date"));
  profile.rounds = static_cast<unsigned>(QUIRE_TRY(members.value<std::int64_t>("rounds")));
  StrictTable works = QUIRE_TRY(members.table("work"));
  for (std::size_t i = 0; i < kWorks; ++i) {
    if (may_be_missing(static_cast<Work>(i)) && !works.has(kNames[i])) continue;
    profile.plain[i] = QUIRE_TRY(read_time(works, kNames[i]));
  }
  QUIRE_TRY(works.end());
  for (std::size_t i = 0; i < kSizedWorks; ++i)
    QUIRE_TRY(read_sized(members, static_cast<SizedWork>(i), profile));
  QUIRE_TRY(members.end());
  return profile;
}

Result<Profile, Diagnostic> read_profile(const std::string& file) {
  const std::string text = QUIRE_TRY(config::read_text(file, "make one with quire calibrate -o FILE"));
  return parse_profile(text, file);
}

const Profile& reference_profile() {
  static const Profile profile = [] {
    auto parsed = parse_profile(kReferenceProfile, "reference profile");
    QUIRE_CHECK(parsed.has_value());
    return std::move(*parsed);
  }();
  return profile;
}

}  // namespace quire::cost
