#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/arguments.h"
#include "cli/tell.h"
#include "cli/verbs.h"
#include "litmus/stored.h"
#include "litmus/words.h"
#include "oracle/run.h"
#include "policy/near_miss.h"
#include "report/document.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;
using litmus::Verdict;

struct Request {
  std::string on = "engine";
  std::string arch;
  bool layout = false;
  bool json = false;
  bool store = false;
  std::vector<std::string> files;
};

Diagnostic misuse(std::string what, std::string hint) {
  return {Diagnostic::Kind::kUsage, "litmus", std::move(what), std::move(hint)};
}

Result<litmus::On, Diagnostic> side_of(const std::string& word) {
  if (word == "engine") return litmus::On::kEngine;
  if (word == "kernel") return litmus::On::kKernel;
  if (word == "both") return litmus::On::kBoth;
  const std::vector<std::string> names{"engine", "kernel", "both"};
  return fail(misuse(fmt::format("--on \"{}\": there are engine, kernel, both", one_line(word)),
                     policy::did_you_mean(word, names)));
}

Result<void, Diagnostic> store_if_it_holds(const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::kFails || !verdict.kernel || verdict.kernel->unable) {
    tell("litmus", verdict.file + ": not stored");
    return {};
  }
  return litmus::store(verdict.file, verdict.experiment, *verdict.kernel);
}

Result<void, Diagnostic> check_arch(const std::string& arch) {
  const std::vector<std::string> names(litmus::arch_words().begin(), litmus::arch_words().end());
  if (arch.empty() || std::ranges::find(names, arch) != names.end()) return {};
  return fail(misuse(fmt::format("--arch \"{}\": there are {}", one_line(arch), fmt::join(names, ", ")),
                     policy::did_you_mean(arch, names)));
}

// The worst of all files; `broken` are those that could not be run.
int status_of(const std::vector<Verdict>& verdicts, const std::optional<Diagnostic>& broken) {
  const auto any = [&](Verdict::Kind kind) {
    return std::ranges::any_of(verdicts, [kind](const Verdict& v) { return v.kind == kind; });
  };
  if (any(Verdict::Kind::kFails)) return static_cast<int>(Diagnostic::Kind::kFinding);
  if (broken) return static_cast<int>(broken->kind);
  return any(Verdict::Kind::kUnable) ? static_cast<int>(Diagnostic::Kind::kPrivilege) : 0;
}

// The verdict is the first word.
std::string coloured(const std::string& text, Verdict::Kind kind, report::Ink ink) {
  const std::size_t end = text.find(' ');
  if (kind != Verdict::Kind::kFails || end == std::string::npos) return text;
  return ink.bad(text.substr(0, end)) + text.substr(end);
}

Result<int, Diagnostic> run_files(const Request& request, litmus::On on, report::Ink ink) {
  litmus::Runner runner = QUIRE_TRY(litmus::Runner::open(on, request.arch));
  std::vector<Verdict> verdicts;
  std::optional<Diagnostic> broken;
  for (const std::string& file : request.files) {
    auto verdict = runner.run(file);
    if (!verdict) {
      tell(verdict.error());
      broken = std::move(verdict.error());
      continue;
    }
    verdicts.push_back(std::move(*verdict));
    if (!request.json)
      fmt::print("{}", coloured(litmus::to_text(verdicts.back(), request.layout ? litmus::Layout::kShow
                                                                                : litmus::Layout::kHide),
                                verdicts.back().kind, ink));
    if (request.store) QUIRE_TRY(store_if_it_holds(verdicts.back()));
  }
  if (request.json) {
    auto document = report::new_document();
    document["experiments"] = Json::array();
    for (const Verdict& verdict : verdicts) document["experiments"].push_back(litmus::to_json(verdict));
    fmt::print("{}", report::to_text(document));
  }
  return status_of(verdicts, broken);
}

}  // namespace

Result<int, Diagnostic> run_litmus_run(Words words) {
  Request request;
  Arguments arguments(
      {.verb = "litmus run",
       .synopsis = "[--on SIDE] [options] FILE...",
       .summary = "Runs experiments of .litmus files on Quire, on this kernel or on both, and says whether "
                  "each\nholds: docs/reference/litmus.md. The kernel needs root; its settings are put back.",
       .examples = {"quire litmus run litmus/*.litmus", "quire litmus run --layout litmus/cow-64k.litmus",
                    "quire litmus run --on both --store mine.litmus"}});
  arguments.operands("FILE", request.files, "Experiments", Values::files(".litmus"));
  arguments.option("--on", request.on, "SIDE", "engine (default), kernel or both, which are then compared",
                   Values::of({"engine", "kernel", "both"}));
  arguments.option("--arch", request.arch, "NAME",
                   "x86-64, arm64, arm64-16k or arm64-64k, for files that name none",
                   Values::of({litmus::arch_words().begin(), litmus::arch_words().end()}));
  arguments.flag("--layout", request.layout, "Show every mapping's pages and the counters after each step");
  arguments.json(request.json);
  arguments.flag("--store", request.store,
                 "Keep what the kernel did beside the file, for --on engine elsewhere");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;

  const litmus::On on = QUIRE_TRY(side_of(request.on));
  QUIRE_TRY(check_arch(request.arch));
  if (request.files.empty()) return fail(misuse("no file to run", "quire litmus run FILE..."));
  if (request.store && on == litmus::On::kEngine)
    return fail(misuse("--store keeps what a kernel did", "add --on both"));
  return run_files(request, on, arguments.ink());
}

}  // namespace quire::cli
