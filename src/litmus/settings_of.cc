#include "litmus/settings_of.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/size.h"
#include "policy/attributes.h"
#include "policy/parse.h"

namespace quire::litmus {

std::vector<std::string> files_of(const Set& set) {
  if (set.sizes.empty()) return {set.file};
  std::vector<std::string> files;
  for (unsigned order = 0; order <= kPmdOrder; ++order)
    if (set.sizes.contains(Order(order)))
      files.push_back(fmt::format("hugepages-{}/enabled", base::sysfs_size(Order(order))));
  return files;
}

void apply(policy::Settings& settings, const Set& set) {
  for (const std::string& file : files_of(set)) {
    const policy::Attribute* const attribute = policy::find_attribute(file);
    QUIRE_CHECK_MSG(attribute != nullptr, "{}", file);
    const bool stored = attribute->store(settings, attribute->order, set.value).has_value();
    QUIRE_CHECK_MSG(stored, "{} takes no {}", file, set.value);
  }
}

Result<policy::Settings, Diagnostic> settings_of(const Experiment& experiment) {
  policy::Settings settings;
  settings.at(kOrderPmd) = policy::SizeEnabled::never;
  if (!experiment.policy.empty()) settings = QUIRE_TRY(policy::parse_policy(experiment.policy));
  for (const Set& set : experiment.settings) apply(settings, set);
  return settings;
}

namespace {

bool serves_everybody(const policy::Settings& settings) {
  const auto serves = [&](policy::SizeEnabled size) {
    return size == policy::SizeEnabled::always ||
           (size == policy::SizeEnabled::inherit && settings.enabled == policy::GlobalEnabled::always);
  };
  return settings.enabled == policy::GlobalEnabled::always || std::ranges::any_of(settings.size, serves);
}

}  // namespace

bool serves_everybody(const Experiment& experiment) {
  auto settings = settings_of(experiment);
  if (!settings) return false;  // a policy that no kernel has
  bool serves = serves_everybody(*settings);
  for (const Step& step : experiment.steps) {
    const auto* const set = std::get_if<Set>(&step.action);
    if (set == nullptr) continue;
    apply(*settings, *set);
    serves = serves || serves_everybody(*settings);
  }
  return serves;
}

}  // namespace quire::litmus
