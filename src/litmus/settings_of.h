// litmus/settings_of.h - the settings of an experiment.
#pragma once

#include <string>
#include <vector>

#include "litmus/experiment.h"
#include "policy/settings.h"
#include "quire/result.h"

namespace quire::litmus {

// The files a `set` writes, below transparent_hugepage.
[[nodiscard]] std::vector<std::string> files_of(const Set& set);

// What an experiment begins with: its policy, or every size `never`; then its
// `set` lines.
[[nodiscard]] Result<policy::Settings, Diagnostic> settings_of(const Experiment& experiment);
void apply(policy::Settings& settings, const Set& set);

// Whether other programs of a host get large folios too under these settings, at
// the beginning or later, so that its counters say nothing.
[[nodiscard]] bool serves_everybody(const Experiment& experiment);

}  // namespace quire::litmus
