#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/settings_report.h"
#include "cli/verbs.h"
#include "live/applied.h"
#include "report/document.h"

namespace quire::cli {
namespace {

struct Request {
  bool dry_run = false;
  bool json = false;
};

void print_json(const Request& request, const live::RestoreReport& report) {
  auto document = report::new_document();
  document["dry_run"] = request.dry_run;
  document.update(restored_json(report));
  fmt::print("{}", report::to_text(document));
}

void print_text(const Request& request, const live::RestoreReport& report) {
  if (report.restored.empty() && report.kept.empty()) {
    fmt::print("nothing to restore\n");
    return;
  }
  fmt::print("{}{} {}", restored_text(report), report.restored.size(),
             request.dry_run ? "would be put back, nothing was changed" : "put back");
  if (!report.kept.empty()) fmt::print(", {} changed by somebody else and kept", report.kept.size());
  fmt::print("\n");
}

// Another user has a journal folder of his own, and would find nothing in it.
Result<void, Diagnostic> check_right() {
  if (::geteuid() == 0) return {};
  return fail(Diagnostic{Diagnostic::Kind::kPrivilege, "restore", "only root can have settings changed",
                         "run it as root"});
}

}  // namespace

Result<int, Diagnostic> run_restore(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "restore",
       .synopsis = "[--dry-run] [--json]",
       .summary = "Puts back the settings that quire apply, or a run that was killed, left changed.\n"
                  "A setting that somebody else changed since keeps its value, and the exit code is 3.",
       .examples = {"quire restore --dry-run", "quire restore",
                    "quire restore --json | jq .changed_by_others"}});
  arguments.flag("--dry-run", request.dry_run, "Only say what would change");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  QUIRE_TRY(check_right());
  const auto report =
      QUIRE_TRY(live::restore_applied(request.dry_run ? live::Doing::dry_run : live::Doing::really));
  (request.json ? print_json : print_text)(request, report);
  return report.kept.empty() ? 0 : static_cast<int>(Diagnostic::Kind::kFinding);
}

}  // namespace quire::cli
