#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/arguments.h"
#include "cli/help_text.h"
#include "cli/verbs.h"
#include "report/document.h"

namespace quire::cli {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::vector<Taken>& all) {
  Json list = Json::array();
  for (const Taken& taken : all)
    list.push_back({{"names", taken.names},
                    {"value", taken.value.empty() ? Json() : Json(taken.value)},
                    {"help", taken.help},
                    {"repeatable", taken.times == Taken::Times::kMany}});
  return list;
}

Json json_of(const Verb& verb) {
  const Definition definition = definition_of(verb);
  return {{"verb", definition.about.verb},
          {"summary", verb.summary},
          {"synopsis", definition.about.synopsis},
          {"about", definition.about.summary},
          {"operands", json_of(definition.operands)},
          {"options", json_of(definition.options)},
          {"takes_command", definition.command == Definition::Command::kBehindDashes},
          {"examples", definition.about.examples}};
}

// Every verb that runs, and every group with the words of its verbs.
void add_group(const Group& group, Json& list) {
  for (const Verb& verb : group.verbs) {
    if (verb.parts == nullptr) {
      list.push_back(json_of(verb));
      continue;
    }
    Json one{{"verb", verb.name}, {"summary", verb.summary}, {"about", verb.parts->summary}};
    for (const Verb& part : verb.parts->verbs) one["parts"].push_back(part.name);
    one["examples"] = verb.parts->examples;
    list.push_back(std::move(one));
    add_group(*verb.parts, list);
  }
}

void print_json() {
  Json document = report::new_document();
  document["about"] = program().summary;
  document["examples"] = program().examples;
  document["verbs"] = Json::array();
  add_group(program(), document["verbs"]);
  fmt::print("{}", report::to_text(document));
}

Result<std::string, Diagnostic> screen_of(const std::vector<std::string>& words, report::Ink ink) {
  const Group* group = &program();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Verb* verb = group->find(words[i]);
    if (verb == nullptr) return fail(group->unknown(words[i]));
    if (verb->parts == nullptr) return help_text(definition_of(*verb), ink);
    group = verb->parts;
  }
  return group->overview(ink);
}

}  // namespace

Result<int, Diagnostic> run_help(Words words) {
  std::vector<std::string> verb;
  bool json = false;
  Arguments arguments(
      {.verb = "help",
       .synopsis = "[VERB...] [--json]",
       .summary = "Explains a verb, as --help behind it does. Without VERB: which verbs there are.",
       .examples = {"quire help", "quire help litmus run", "quire help --json | jq -r '.verbs[].verb'"}});
  arguments.operands("VERB", verb, "The verb, with its second word where it has one");
  arguments.flag("--json", json, "Every verb with its options and examples, for programs");
  if (QUIRE_TRY(arguments.parse(words)) == Arguments::Parsed::kHelpShown) return 0;
  if (json) {
    print_json();
  } else {
    fmt::print("{}", QUIRE_TRY(screen_of(verb, arguments.ink())));
  }
  return 0;
}

}  // namespace quire::cli
