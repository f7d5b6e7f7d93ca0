#include "lab/sweep_space.h"

#include <fmt/format.h>

#include "base/size.h"
#include "config/strict_table.h"
#include "lab/advise.h"
#include "policy/parse.h"

namespace quire::lab {
namespace {

using config::StrictTable;

Result<std::vector<Policy>, Diagnostic> read_policies(StrictTable& table) {
  std::vector<Policy> policies;
  for (const std::string& words : QUIRE_TRY(table.texts("policies"))) {
    const std::vector<std::string> all =
        words == "worth-trying" ? policies_worth_trying() : std::vector<std::string>{words};
    for (const std::string& one : all) {
      const auto settings = policy::parse_policy(one);
      if (!settings) return fail(table.wrong("policies", "holds no policy: " + settings.error().line()));
      policies.push_back({one, *settings});
    }
  }
  return policies;
}

Result<std::vector<ByteCount>, Diagnostic> read_ram(StrictTable& table) {
  if (!table.has("ram")) return std::vector<ByteCount>{ByteCount(64ULL << 30)};
  std::vector<ByteCount> sizes;
  for (const std::string& word : QUIRE_TRY(table.texts("ram"))) {
    const auto size = base::parse_size(word);
    if (!size || *size < 16_MiB || size->raw() > 16ULL << 40)
      return fail(table.wrong("ram", fmt::format("holds {}, expected 16M to 16T", word)));
    sizes.push_back(*size);
  }
  return sizes;
}

Result<std::vector<std::shared_ptr<const cost::Profile>>, Diagnostic> read_profiles(StrictTable& table) {
  std::vector<std::shared_ptr<const cost::Profile>> profiles;
  if (!table.has("profiles")) {
    profiles.push_back(std::make_shared<const cost::Profile>(cost::reference_profile()));
    return profiles;
  }
  for (const std::string& file : QUIRE_TRY(table.texts("profiles"))) {
    auto profile = QUIRE_TRY(cost::read_profile(file));
    profiles.push_back(std::make_shared<const cost::Profile>(std::move(profile)));
  }
  return profiles;
}

Result<std::vector<double>, Diagnostic> read_fragmentation(StrictTable& table) {
  if (!table.has("fragmentation")) return std::vector<double>{0};
  std::vector<double> chances = QUIRE_TRY(table.numbers("fragmentation"));
  if (chances.empty()) return fail(table.wrong("fragmentation", "is empty"));
  for (const double chance : chances) {
    if (!(chance >= 0 && chance <= kMostFragmented))
      return fail(
          table.wrong("fragmentation", fmt::format("holds {}, expected 0 to {}", chance, kMostFragmented)));
  }
  return chances;
}

}  // namespace

Result<SweepSpace, Diagnostic> parse_space(std::string_view text, const std::string& where) {
  const toml::table toml = QUIRE_TRY(config::parse_toml(text, where));
  StrictTable table(toml, "", where);
  SweepSpace space;
  space.policies = QUIRE_TRY(read_policies(table));
  space.ram = QUIRE_TRY(read_ram(table));
  space.profiles = QUIRE_TRY(read_profiles(table));
  space.fragmentation = QUIRE_TRY(read_fragmentation(table));
  // What may be left out is known all the same.
  if (!table.has("ram")) (void)table.texts("ram");
  if (!table.has("profiles")) (void)table.texts("profiles");
  if (!table.has("fragmentation")) (void)table.numbers("fragmentation");
  QUIRE_TRY(table.end());
  return space;
}

Result<SweepSpace, Diagnostic> read_space(const std::string& file) {
  const std::string text = QUIRE_TRY(config::read_text(file, "see docs/reference/sweep.md"));
  return parse_space(text, file);
}

}  // namespace quire::lab
