#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/arguments.h"
#include "cli/completion_scripts.h"
#include "cli/verbs.h"
#include "policy/near_miss.h"

namespace quire::cli {
namespace {

std::vector<std::string> shells() {
  std::vector<std::string> names;
  for (const CompletionScript& script : kCompletionScripts) names.emplace_back(script.shell);
  return names;
}

}  // namespace

Result<int, Diagnostic> run_completion(Words words) {
  std::string shell;
  Arguments arguments({.verb = "completion",
                       .synopsis = "SHELL",
                       .summary = "Prints what makes SHELL complete verbs, options, policies, processes and "
                                  "recordings. The Debian package has it in place.",
                       .examples = {"source <(quire completion bash)", "quire completion zsh > _quire",
                                    "quire completion fish > quire.fish"}});
  arguments.operand("SHELL", shell, "bash, zsh or fish", Values::of(shells()));
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  for (const CompletionScript& script : kCompletionScripts) {
    if (script.shell != shell) continue;
    fmt::print("{}", script.text);
    return 0;
  }
  return fail(Diagnostic{Diagnostic::Kind::kUsage, "completion",
                         fmt::format("\"{}\": there are {}", shell, fmt::join(shells(), ", ")),
                         policy::did_you_mean(shell, shells())});
}

}  // namespace quire::cli
