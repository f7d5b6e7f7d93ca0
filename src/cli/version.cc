#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/verbs.h"
#include "report/document.h"
#include "trace/header.h"

namespace quire::cli {

Result<int, Diagnostic> run_version(Words words) {
  Arguments arguments(
      {.verb = "version",
       .synopsis = "",
       .summary = "Prints the version of the program, of the recordings it writes and of its JSON.",
       .examples = {"quire version", "quire --version", "quire version | head -1"}});
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  fmt::print("quire {}\nrecording format {}\nJSON schema {}\nmodelled kernel Linux 6.18\n",
             report::tool_version(), trace::kFormatVersion, report::kSchemaVersion);
  return 0;
}

}  // namespace quire::cli
