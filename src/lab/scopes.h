// lab/scopes.h - what can be changed for a program without changing the host, or
// without changing it for programs that do not ask.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lab/own_advice.h"
#include "policy/kernel_version.h"
#include "policy/settings.h"

namespace quire::lab {

// Whom a change concerns, narrowest first.
enum class Scope : std::uint8_t {
  kMapping,  // madvise on some of its mappings: the program's source
  kRuntime,  // an option of its allocator or runtime: its environment or arguments
  kService,  // prctl before it begins: its unit
  kAdvised,  // the host, but only programs that ask: settings, and one of the above
  kHost,     // every program
};

// "mapping", "runtime", "service", "advised", "host".
[[nodiscard]] std::string_view name_of(Scope scope);
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view name);

// A change to a program, or to a host for programs that ask.
struct ProgramChange {
  Scope scope = Scope::kHost;
  std::string name;                // "MADV_HUGEPAGE heap", short enough for a row
  OwnAdvice own;                   // as a replay takes it
  std::vector<std::string> lines;  // to paste; not those for the host's settings
  std::vector<std::string> undo;
  std::string needs;  // what has to be so, for whoever pastes; may be empty
};

struct Runtimes {
  std::set<std::string> files;  // that the program mapped, without their folders
};

// Changes worth trying on a host with these settings, none that could do nothing there.
[[nodiscard]] std::vector<ProgramChange> changes_without_host(const policy::Settings& now,
                                                              const Runtimes& runtimes,
                                                              policy::KernelVersion kernel);

// The narrowest way for this program to ask for large folios on a host that gives them to who asks.
[[nodiscard]] ProgramChange way_to_ask(const Runtimes& runtimes);

}  // namespace quire::lab
