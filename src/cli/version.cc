#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <zstd.h>

#include "cli/arguments.h"
#include "cli/verbs.h"
#include "litmus/words.h"
#include "oracle/elsewhere.h"
#include "report/document.h"
#include "trace/header.h"

namespace quire::cli {
namespace {

// This engine, and those of other architectures that are installed.
std::string engines() {
  std::string list;
  for (const std::string_view arch : litmus::arch_words()) {
    const bool ours = arch == litmus::arch_words().front();
    if (ours || litmus::engine_program(std::string(arch))) list += fmt::format(" {}", arch);
  }
  return list;
}

std::string features() {
  return fmt::format(
      "recording format {}\nJSON schema {}\nmodelled kernel Linux 6.18\nengines{}\n"
      "recording tiers bpf perf unprivileged\n",
      trace::kFormatVersion, report::kSchemaVersion, engines());
}

std::string build_options() {
#ifdef NDEBUG
  constexpr const char* kChecks = "off";
#else
  constexpr const char* kChecks = "on";
#endif
  return fmt::format(
      "build type {}\nsanitizers {}\ndebug checks {}\ncompiler {} {}\nfmt {}.{}.{}\nlibbpf {}\nzstd {}\n"
      "SQLite {}\n",
      QUIRE_BUILD_TYPE, QUIRE_SANITIZERS, kChecks, QUIRE_COMPILER, __VERSION__, FMT_VERSION / 10000,
      FMT_VERSION / 100 % 100, FMT_VERSION % 100, ::libbpf_version_string(), ::ZSTD_versionString(),
      ::sqlite3_libversion());
}

}  // namespace

Result<int, Diagnostic> run_version(Words words) {
  bool options = false;
  Arguments arguments(
      {.verb = "version",
       .synopsis = "[--build-options]",
       .summary = "Prints the version of the program, of the recordings it writes and of its "
                  "JSON, and what this build of it can do.",
       .examples = {"quire version", "quire version --build-options", "quire --version | head -1"}});
  arguments.flag("--build-options", options, "Also how it was built, and the libraries it runs with");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  fmt::print("quire {}\n{}{}", report::tool_version(), features(), options ? build_options() : "");
  return 0;
}

}  // namespace quire::cli
