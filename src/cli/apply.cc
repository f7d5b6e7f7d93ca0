#include "live/applied.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/settings_report.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "policy/parse.h"
#include "report/document.h"

namespace quire::cli {
namespace {

struct Request {
  std::vector<std::string> words;
  bool dry_run = false;
  bool json = false;

  [[nodiscard]] std::string policy() const { return fmt::format("{}", fmt::join(words, " ")); }
  [[nodiscard]] live::Doing doing() const { return dry_run ? live::Doing::dry_run : live::Doing::really; }
};

void print_json(const Request& request, const std::string& canonical,
                const std::vector<live::SettingChange>& changes) {
  auto document = report::new_document();
  document["policy"] = request.policy();
  document["canonical"] = canonical;
  document["dry_run"] = request.dry_run;
  document["changes"] = changes_json(changes, request.policy());
  fmt::print("{}", report::to_text(document));
}

std::string summary(const Request& request, std::size_t count) {
  if (count == 0) return "every setting is so already: nothing to change";
  const std::string files = fmt::format("{} setting{}", count, count == 1 ? "" : "s");
  if (request.dry_run) return fmt::format("dry run: {} would change, nothing was changed", files);
  return fmt::format("{} changed until \"quire restore\" or the next boot", files);
}

void print_text(const Request& request, const std::string& canonical,
                const std::vector<live::SettingChange>& changes) {
  fmt::print("policy {} ({})\n{}{}\n", one_line(request.policy()), canonical,
             changes_text(changes, request.policy()), summary(request, changes.size()));
}

}  // namespace

Result<int, Diagnostic> run_apply(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "apply",
       .synopsis = "[--dry-run] [--json] POLICY",
       .summary = "Makes this host's huge-page settings those of a policy, and says why each one changes.\n"
                  "They stay until quire restore, or the next boot.",
       .examples = {"quire apply --dry-run 64K",
                    "quire apply transparent_hugepage=madvise thp_anon=64K:always", "quire restore"}});
  arguments.operands("POLICY", request.words, "In the kernel's words, or 4K, 16K+64K, all ...");
  arguments.flag("--dry-run", request.dry_run, "Only say what would change");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const std::string canonical = policy::canonical(QUIRE_TRY(policy::parse_policy(request.policy())));
  const auto changes = QUIRE_TRY(live::apply_policy(request.policy(), request.doing()));
  (request.json ? print_json : print_text)(request, canonical, changes);
  return 0;
}

}  // namespace quire::cli
