#include "cli/complete.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/complete_values.h"
#include "cli/tell.h"

namespace quire::cli {
namespace {

using Typed = std::span<const std::string>;

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

const Taken* option_named(const Definition& definition, std::string_view name) {
  for (const Taken& option : definition.options) {
    if (std::ranges::find(option.names, name) != option.names.end()) return &option;
  }
  return nullptr;
}

// What the words before the cursor leave to say.
struct Place {
  const Taken* awaits = nullptr;  // an option whose value comes now
  std::size_t operands = 0;       // so many were given
  std::vector<const Taken*> used;
};

Place place_after(const Definition& definition, Typed before) {
  Place place;
  for (const std::string& word : before) {
    if (place.awaits != nullptr) {
      place.awaits = nullptr;
    } else if (!is_option(word)) {
      ++place.operands;
    } else if (const Taken* option = option_named(definition, word.substr(0, word.find('=')))) {
      place.used.push_back(option);
      if (!option->value.empty() && word.find('=') == std::string::npos) place.awaits = option;
    }
  }
  return place;
}

void add_options(const Definition& definition, const Place& place, Completion& to) {
  for (const Taken& option : definition.options) {
    const bool again = option.times == Taken::Times::kMany;
    if (!again && std::ranges::find(place.used, &option) != place.used.end()) continue;
    to.candidates.push_back({option.names.back(), option.help});
    if (option.names.size() > 1) to.candidates.push_back({option.names.front(), option.help});
  }
  if (definition.command == Definition::Command::kBehindDashes)
    to.candidates.push_back({"--", "the command stands behind"});
}

Completion of_value(const Taken& taken, const std::string& prefix, const std::string& typed) {
  Completion completion = complete_value(taken, typed);
  for (Candidate& candidate : completion.candidates) candidate.word.insert(0, prefix);
  return completion;
}

const Taken* next_operand(const Definition& definition, std::size_t given) {
  if (given < definition.operands.size()) return &definition.operands[given];
  const bool again = !definition.operands.empty() && definition.operands.back().times == Taken::Times::kMany;
  return again ? &definition.operands.back() : nullptr;
}

Completion of_verb(const Definition& definition, Typed words) {
  const Typed before = words.first(words.size() - 1);
  const std::string& typed = words.back();
  const Place place = place_after(definition, before);
  if (place.awaits != nullptr) return of_value(*place.awaits, "", typed);
  if (const auto sign = typed.find('='); is_option(typed) && sign != std::string::npos) {
    const Taken* option = option_named(definition, typed.substr(0, sign));
    return option == nullptr ? Completion{}
                             : of_value(*option, typed.substr(0, sign + 1), typed.substr(sign + 1));
  }
  const Taken* operand = next_operand(definition, place.operands);
  Completion completion;
  if (operand != nullptr && !typed.starts_with("-")) completion = of_value(*operand, "", typed);
  if (operand == nullptr || typed.starts_with("-")) add_options(definition, place, completion);
  return completion;
}

Completion of_group(const Group& group, Typed words, std::size_t skipped) {
  Completion completion;
  if (words.size() <= 1) {
    for (const Verb& verb : group.verbs)
      completion.candidates.push_back({std::string(verb.name), std::string(verb.summary)});
    return completion;
  }
  const Verb* verb = group.find(words.front());
  if (verb == nullptr) return completion;
  if (verb->parts != nullptr) return of_group(*verb->parts, words.subspan(1), skipped + 1);
  const Definition definition = definition_of(*verb);
  const Typed behind = words.subspan(1);
  const auto dashes = std::ranges::find(behind.begin(), behind.end() - 1, "--");
  if (dashes == behind.end() - 1) return of_verb(definition, behind);
  if (definition.command == Definition::Command::kBehindDashes)
    completion.besides =
        fmt::format("command {}", skipped + 1 + static_cast<std::size_t>(dashes - behind.begin()) + 1);
  return completion;
}

}  // namespace

Completion complete(const Group& group, Typed words) {
  Completion completion = of_group(group, words, 0);
  const std::string_view typed = words.empty() ? std::string_view() : std::string_view(words.back());
  std::erase_if(completion.candidates, [typed](const Candidate& c) { return !c.word.starts_with(typed); });
  return completion;
}

std::string to_text(const Completion& completion) {
  std::string text = completion.besides + "\n";
  // A process may call itself anything.
  for (const Candidate& c : completion.candidates)
    text += fmt::format("{}\t{}\n", one_line(c.word), one_line(c.about));
  return text;
}

}  // namespace quire::cli
