#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "live/doctor/traps.h"
#include "report/document.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::string root = "/";
  bool json = false;
};

struct Caught {
  const live::doctor::Trap* trap;
  live::doctor::Finding finding;
};

std::vector<Caught> caught_by(const live::doctor::HostFacts& facts) {
  std::vector<Caught> caught;
  for (const live::doctor::Trap& trap : live::doctor::traps())
    if (auto finding = trap.look(facts)) caught.push_back({&trap, std::move(*finding)});
  return caught;
}

// "  why     text", its further lines below its first.
std::string field(std::string_view name, std::string_view text) {
  constexpr std::size_t kWidth = 78;
  constexpr std::size_t kIndent = 10;
  std::string lines = fmt::format("  {:<{}}", name, kIndent - 2);
  std::size_t column = kIndent;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word; column += word.size() + 1) {
    if (column > kIndent && column + word.size() > kWidth) {
      lines.back() = '\n';
      lines += std::string(kIndent, ' ');
      column = kIndent;
    }
    lines += word + ' ';
  }
  lines.back() = '\n';
  return lines;
}

// Names of processes, groups and mounts are whatever their owners chose.
void print_text(const std::vector<Caught>& caught, report::Ink ink) {
  for (const Caught& c : caught) {
    fmt::print("{}\n{}{}{}{}\n", ink.bad(c.trap->name), field("found", one_line(c.finding.found)),
               field("why", c.finding.matters), field("source", c.trap->source),
               field("do", c.finding.advice));
  }
  const std::size_t looked = live::doctor::traps().size();
  if (caught.empty()) {
    fmt::print("none of {} known traps\n", looked);
  } else {
    fmt::print("{} of {} known traps\n", caught.size(), looked);
  }
}

void print_json(const Request& request, const live::doctor::HostFacts& facts,
                const std::vector<Caught>& caught) {
  auto document = report::new_document();
  document["root"] = one_line(request.root);
  document["traps"] = Json::array();
  for (const Caught& c : caught) {
    document["traps"].push_back({{"name", c.trap->name},
                                 {"found", one_line(c.finding.found)},
                                 {"why", c.finding.matters},
                                 {"source", c.trap->source},
                                 {"do", c.finding.advice}});
  }
  document["looked_for"] = Json::array();
  for (const live::doctor::Trap& trap : live::doctor::traps()) document["looked_for"].push_back(trap.name);
  document["notes"] = report::texts_json(facts.notes);
  fmt::print("{}", report::to_text(document));
}

Result<void, Diagnostic> check(const Request& request) {
  std::error_code ignored;
  if (std::filesystem::is_directory(request.root, ignored)) return {};
  return fail(
      Diagnostic{.where = request.root, .what = "is not a folder", .hint = "a copy of /proc and /sys"});
}

}  // namespace

Result<int, Diagnostic> run_doctor(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "doctor",
       .synopsis = "[--root DIR] [--json]",
       .summary =
           "Reads this host and names the known traps of large folios on it: what was found, why\n"
           "it matters, where that stands, what to do. Changes nothing. Exit code 3 when there are any.",
       .examples = {"quire doctor", "quire doctor --root sosreport-db1",
                    "quire doctor --json | jq -r .traps[].name"}});
  arguments.option("--root", request.root, "DIR", "A copy of another host's /proc and /sys (default /)");
  arguments.json(request.json);
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  QUIRE_TRY(check(request));
  const live::doctor::HostFacts facts = live::doctor::gather(request.root);
  const std::vector<Caught> caught = caught_by(facts);
  if (request.json) {
    print_json(request, facts, caught);
  } else {
    print_text(caught, arguments.ink());
  }
  for (const std::string& note : facts.notes) tell("doctor", note);
  return caught.empty() ? 0 : static_cast<int>(Diagnostic::Kind::kFinding);
}

}  // namespace quire::cli
