#include "lab/sweep_space.h"

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

Result<std::vector<Machine>, Diagnostic> read_machines(StrictTable& table) {
  std::vector<std::string> texts{"ram=64G"};
  if (table.has("machines")) texts = QUIRE_TRY(table.texts("machines"));
  std::vector<Machine> machines;
  for (const std::string& text : texts) {
    auto machine = parse_machine(text, "machines");
    if (!machine) return fail(table.wrong("machines", "holds no machine: " + machine.error().line()));
    machines.push_back(std::move(*machine));
  }
  return machines;
}

// What machines were written with before they had swap.
Result<void, Diagnostic> refuse_former(const StrictTable& table) {
  if (table.has("ram"))
    return fail(table.wrong("ram", "is said of each machine now: machines = [\"ram=4G\"]"));
  if (table.has("fragmentation"))
    return fail(table.wrong("fragmentation",
                            "is said of each machine now: machines = [\"ram=64G fragmentation=0.6\"]"));
  return {};
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

}  // namespace

Result<SweepSpace, Diagnostic> parse_space(std::string_view text, const std::string& where) {
  const toml::table toml = QUIRE_TRY(config::parse_toml(text, where));
  StrictTable table(toml, "", where);
  QUIRE_TRY(refuse_former(table));
  SweepSpace space;
  space.policies = QUIRE_TRY(read_policies(table));
  space.machines = QUIRE_TRY(read_machines(table));
  space.profiles = QUIRE_TRY(read_profiles(table));
  // What may be left out is known all the same.
  if (!table.has("machines")) (void)table.texts("machines");
  if (!table.has("profiles")) (void)table.texts("profiles");
  QUIRE_TRY(table.end());
  return space;
}

Result<SweepSpace, Diagnostic> read_space(const std::string& file) {
  const std::string text = QUIRE_TRY(config::read_text(file, "see docs/reference/sweep.md"));
  return parse_space(text, file);
}

}  // namespace quire::lab
